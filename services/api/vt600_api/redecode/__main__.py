"""`python -m vt600_api.redecode`: history read again through the present decoder and device settings, and put right in place.

With `--rejects` it is what was refused: frames that can be read now are stored as if they had been accepted then. The settings
`INGEST_UNREGISTERED` and `INGEST_PENDING_…` hold for it too. It can be stopped (Ctrl-C, SIGTERM) and taken up again; ingest goes on meanwhile. Read what `--dry-run` says first.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vt600_api.ingest.admission import PendingPolicy
from vt600_api.ingest.settings import PendingSettings
from vt600_api.redecode.rejects import RejectRedecoder
from vt600_api.redecode.run import Redecoder, Span

PROGRAM = "vt600-redecode"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class RedecodeSettings(BaseSettings):
    """Where the database is."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    database_url: SecretStr


def main() -> int:
    """Exit code 0 when all was gone through, 3 when it was stopped, 1 or 2 with one sentence."""
    arguments = _arguments()
    try:
        settings = RedecodeSettings()
    except ValidationError:
        print(f"{PROGRAM}: API_DATABASE_URL is not set", file=sys.stderr)
        return 2
    try:
        policy = PendingSettings().pending_policy
    except ValidationError as error:
        print(
            f"{PROGRAM}: INGEST_{str(error.errors()[0]['loc'][0]).upper()}: {error.errors()[0]['msg']}", file=sys.stderr
        )
        return 2
    try:
        go_on, lines = asyncio.run(_run(arguments, settings.database_url.get_secret_value(), policy))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        print(f"{PROGRAM}: the database: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    if go_on is not None:
        print(f"stopped; go on with: {go_on}")
        return 3
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="since", type=_moment, default=_EARLIEST, help="what arrived from then on")
    parser.add_argument("--to", dest="until", type=_moment, help="and before then; now by default")
    parser.add_argument("--device", help="only this one")
    parser.add_argument("--from-device", default="", help="go on with this one, where a run was stopped")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be changed, and change nothing")
    parser.add_argument("--rejects", action="store_true", help="read what was refused, instead of the frames")
    arguments = parser.parse_args()
    if arguments.rejects and (arguments.device or arguments.from_device):
        parser.error("--rejects are of no device yet")
    return arguments


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def _run(arguments: argparse.Namespace, url: str, policy: PendingPolicy) -> tuple[str | None, Iterable[str]]:
    """How to go on when it was stopped, and what it found."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    connection = await asyncpg.connect(url)
    try:
        span = Span(arguments.since, arguments.until or datetime.now(UTC))
        if arguments.rejects:
            rejects = RejectRedecoder(connection, span, policy=policy, dry_run=arguments.dry_run, stopped=stop.is_set)
            since = await rejects.run()
            return None if since is None else f"--rejects --from {since.isoformat()}", rejects.outcome.lines()
        redecoder = Redecoder(connection, span, dry_run=arguments.dry_run, stopped=stop.is_set)
        device_id = await redecoder.run(arguments.device, from_device=arguments.from_device)
        return None if device_id is None else f"--from-device {device_id}", redecoder.outcome.lines()
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
