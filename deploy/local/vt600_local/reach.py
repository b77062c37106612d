"""For root: the user that PostgreSQL runs as, and a place for its files that this user can reach.

PostgreSQL refuses to run as root. Root's checkout may lie in a folder that only root may enter (`/root`); nobody's
folders are opened for it. Instead the binaries are copied, and the data kept, below `/var/lib/vt600-local`, one folder
per checkout, and `.run/outside` points there so that `make clean` finds it.
"""

import hashlib
import os
import pwd
import shutil
from pathlib import Path

from vt600_local.home import home
from vt600_local.server import StackError

_CANDIDATES = ("postgres", "nobody")
_OUTSIDE = Path("/var/lib/vt600-local")


def server_user() -> str | None:
    """An unprivileged user that exists; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _CANDIDATES:
        if name in known:
            return name
    raise StackError("PostgreSQL does not run as root, and there is no user postgres or nobody: start as another user")


def within_reach(folder: Path, wheel: Path, user: str) -> tuple[Path, Path]:
    """Folder and wheel where the user can get at them: the same ones when it can already."""
    if not _can_enter(wheel, user):
        wheel = _copy(wheel, _outside() / "postgresql")
    if not _can_enter(folder, user):
        folder = _outside() / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return folder, wheel


def _can_enter(path: Path, user: str) -> bool:
    """Whether the user may pass through the nearest folder that exists and every one above it."""
    uid = pwd.getpwnam(user).pw_uid
    folders = [parent for parent in (path, *path.parents) if parent.exists()]
    return all(entry.st_mode & 0o001 or entry.st_uid == uid for entry in (one.stat() for one in folders))


def _outside() -> Path:
    """This checkout's folder below /var/lib, with a link to it in `.run`."""
    folder = _OUTSIDE / hashlib.sha256(str(home()).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for made in (_OUTSIDE, folder):
        made.chmod(0o711)
    link = home() / "outside"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(folder)
    return folder


def _copy(wheel: Path, target: Path) -> Path:
    """A copy of the package and of the libraries that the wheel put beside it."""
    made_from = target / "made-from"
    stamp = f"{wheel} {wheel.stat().st_mtime_ns}\n"
    if not made_from.exists() or made_from.read_text() != stamp:
        shutil.rmtree(target, ignore_errors=True)
        for source in wheel.parent.glob(f"{wheel.name}*"):
            if source.suffix != ".dist-info":
                shutil.copytree(source, target / source.name, symlinks=True)
        # A strict umask may have left the files to root alone.
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        made_from.write_text(stamp)
    return target / wheel.name
