"""A process that we start, wait for, stop, kill and start again on the same folder."""

import fcntl
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

_CHILD = Path(__file__).with_name("child.py")
_POLL_S = 0.05
_TAIL_LINES = 15


class StackError(Exception):
    """Something that the user can mend; the text says how."""


class ServerProcess(ABC):
    """One process, on a folder that it has for itself when there is one.

    The lock on the folder is inherited by the process and by all that it starts, so it is free again only when every
    one of them is gone. Started from the main thread, the process ends with us even when we are killed; from another
    thread it does not, because the kernel would end it with that thread.
    """

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    orphan_signal: ClassVar[signal.Signals] = signal.SIGTERM  # what the kernel sends it when we are gone
    stop_timeout_s: ClassVar[float] = 15.0
    start_timeout_s: ClassVar[float] = 60.0

    def __init__(
        self,
        name: str,
        *,
        log: Path,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._folder = folder
        self._environment = environment
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Make the folder ready, which nobody else uses at that moment; returns the command to start."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the process does its work."""

    @property
    def pid(self) -> int:
        """The process id; only after a start."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the last process ended; None while it runs or before the first start."""
        return None if self._process is None else self._process.poll()

    def launch(self) -> None:
        """Start the process without waiting until it is of use."""
        lock = self._try_lock()
        if lock is None:
            raise StackError(f"another {self.name} already runs on {self._folder}: stop it first")
        try:
            command = self._prepare()
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603
                    [*self._wrapper(), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=self._environment,
                    pass_fds=(lock,),
                    process_group=0,  # Ctrl-C is for us alone
                )
        finally:
            os.close(lock)

    def start(self) -> None:
        """Launch and wait until ready; StackError with the end of the log when that does not come."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until a launched process is ready; StackError with the end of its log when that does not come."""
        deadline = time.monotonic() + self.start_timeout_s
        while not (self.running and self.is_ready()):
            if not self.running or time.monotonic() > deadline:
                self.stop()
                raise self.did_not_start()
            time.sleep(_POLL_S)

    def did_not_start(self) -> StackError:
        """The error to raise, with the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if self.log.exists() else []
        return StackError("\n".join([f"{self.name} did not start; the end of {self.log}:", *lines]))

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Ask the process to end, and kill it when it does not in time."""
        if self._process is None:
            return
        self.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.stop_timeout_s)
        self.kill()

    def kill(self) -> None:
        """End the process as a power cut would, and wait until all of it is gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        deadline = time.monotonic() + self.stop_timeout_s
        while time.monotonic() < deadline:
            lock = self._try_lock()
            if lock is not None:
                os.close(lock)
                return
            time.sleep(_POLL_S)

    def _wrapper(self) -> list[str]:
        """What the command is started through: see `child.py`."""
        main_thread = threading.current_thread() is threading.main_thread()
        entry = None if self._user is None else pwd.getpwnam(self._user)
        uid, gid = (-1, -1) if entry is None else (entry.pw_uid, entry.pw_gid)
        arguments = (int(self.orphan_signal) if main_thread else 0, os.getpid(), uid, gid)
        return [sys.executable, "-I", "-S", str(_CHILD), *map(str, arguments)]

    def _try_lock(self) -> int | None:
        """A descriptor that holds the folder's lock; None when somebody else holds it."""
        if self._folder is None:
            return os.open(os.devnull, os.O_RDONLY)
        lock = os.open(self._folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock
