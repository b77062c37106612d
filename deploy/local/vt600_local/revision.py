"""Writes a migration: brings a fresh database to the newest revision and has alembic compare it with the models."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from vt600_local.home import CHECKOUT
from vt600_local.postgres import Postgres
from vt600_local.server import StackError

SERVICES = ("api", "commander")


def write(service: str, message: str) -> None:
    """A new file among the migrations of the service; no stack needs to run."""
    with tempfile.TemporaryDirectory(prefix="vt600-revision-") as folder:
        Path(folder).chmod(0o711)
        postgres = Postgres(Path(folder) / "postgres")
        try:
            postgres.start()
            _call(service, postgres.url, [sys.executable, "-m", f"vt600_{service}.migrate"])
            alembic = [sys.executable, "-m", "alembic", "revision", "--autogenerate", "-m", message]
            _call(service, postgres.url, alembic)
        finally:
            postgres.stop()
            shutil.rmtree(postgres.folder, ignore_errors=True)


def _call(service: str, url: str, command: list[str]) -> None:
    environment = {**os.environ, f"{service.upper()}_DATABASE_URL": url}
    folder = CHECKOUT / "services" / service
    done = subprocess.run(command, env=environment, cwd=folder, check=False)  # noqa: S603
    if done.returncode:
        raise StackError(f"{' '.join(command[1:4])} failed in {folder}")
