"""One of the gateway's own processes, started from its module."""

import http.client
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from vt600_local.server import ServerProcess

_LOG_BYTES = 20_000_000


class Service(ServerProcess):
    """`python -m MODULE`, ready when its probe says so; without a probe when it runs."""

    stop_timeout_s: ClassVar[float] = 30.0  # the listener closes its links in slices, then flushes
    orphan_signal: ClassVar[signal.Signals] = signal.SIGKILL  # Kafka goes at the same moment, a drain would only wait

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        probes_port: int | None = None,
    ) -> None:
        super().__init__(name, log=log, environment=environment)
        self._arguments = arguments
        self.probes_port = probes_port

    def _prepare(self) -> list[str]:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return [sys.executable, "-m", *self._arguments]

    def is_ready(self) -> bool:
        """Whether the process answers 200 to the question for readiness."""
        if self.probes_port is None:
            return self.running
        link = http.client.HTTPConnection("127.0.0.1", self.probes_port, timeout=2)
        try:
            link.request("GET", "/health/ready")
            return link.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()
