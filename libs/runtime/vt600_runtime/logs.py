"""One line of JSON per event, from our own code and from the libraries."""

import logging
import sys
import time
from typing import Literal

import structlog

_PAUSES_S = {"aiokafka": 60.0, "asyncio": 1.0, "opentelemetry": 60.0}
_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class RareLines(logging.Filter):
    """Lets one line a minute of aiokafka and of OpenTelemetry through and one a second of asyncio; others pass.

    aiokafka writes a hundred a second while the broker is away; our own line says why it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass."""
        library = record.name.partition(".")[0]
        if library not in _PAUSES_S:
            return True
        now = time.monotonic()
        if now - self._last.get(library, -_PAUSES_S[library]) < _PAUSES_S[library]:
            return False
        self._last[library] = now
        return True


def configure_logs(*, service: str, level: str = "info", format: Literal["json", "console"] = "json") -> None:  # noqa: A002
    """Send everything to standard output, each event with the service's name."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))
    for name in _PAUSES_S:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # our own line says that it cannot
    handler.addFilter(RareLines())
    structlog.contextvars.bind_contextvars(service=service)
