"""A server process that we start, wait for, stop, kill and start again on the same folder."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05


class StackError(Exception):
    """Something that the user can mend; the text says how."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For preexec_fn: have the kernel signal the child when we die, also by kill -9."""
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))

    return arrange


def require_free(port: int, what: str) -> None:
    """StackError when somebody else has the port."""
    if answers(port):
        raise StackError(f"port {port} for {what} is in use: stop what uses it, or choose another port")


class ServerProcess:
    """One process on one folder. A lock, inherited by the process, keeps a second one off the folder."""

    def __init__(self, name: str, folder: Path, log: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; only while it runs."""
        if self._process is None:
            raise StackError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def spawn(
        self,
        command: Sequence[str],
        *,
        ready: Callable[[], bool],
        timeout_s: float,
        user: str | None = None,
        on_parent_death: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start the command and wait until `ready` holds; StackError with the end of its log when it does not."""
        lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"another {self.name} already runs on {self.folder}: stop it first") from None
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    user=user,
                    extra_groups=None if user is None else [],
                    pass_fds=(lock,),
                    process_group=0,
                    preexec_fn=die_with_parent(on_parent_death),  # noqa: PLW1509 - no threads yet, and nothing but prctl
                )
        finally:
            os.close(lock)
        self._wait(ready, timeout_s)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 15.0) -> None:
        """Ask the process to end, and kill it when it does not in time."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait(self, ready: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace").splitlines()[-15:]
                self.stop()
                raise StackError(f"{self.name} did not start; the end of {self.log}:\n" + "\n".join(tail))
            time.sleep(_POLL_S)
