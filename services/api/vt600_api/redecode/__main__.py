"""`python -m vt600_api.redecode`: history read again through the present decoder and device settings, and put right in place.

It can be stopped (Ctrl-C, SIGTERM) and taken up again; ingest goes on meanwhile. Read what `--dry-run` says first.
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

from vt600_api.redecode.run import Redecoder, Span

PROGRAM = "vt600-redecode"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class RedecodeSettings(BaseSettings):
    """Where the database is."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    database_url: SecretStr


def main() -> int:
    """Exit code 0 when all was gone through, 3 when it was stopped, 1 or 2 with one sentence."""
    arguments = _parser().parse_args()
    try:
        settings = RedecodeSettings()
    except ValidationError:
        print(f"{PROGRAM}: API_DATABASE_URL is not set", file=sys.stderr)
        return 2
    try:
        stopped_at, lines = asyncio.run(_run(arguments, settings.database_url.get_secret_value()))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        print(f"{PROGRAM}: the database: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    if stopped_at is not None:
        print(f"stopped; go on with: --from-device {stopped_at}")
        return 3
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--from", dest="since", type=_moment, default=_EARLIEST, help="frames that arrived from then on"
    )
    parser.add_argument("--to", dest="until", type=_moment, help="and before then; now by default")
    parser.add_argument("--device", help="only this one")
    parser.add_argument("--from-device", default="", help="go on with this one, where a run was stopped")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be changed, and change nothing")
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def _run(arguments: argparse.Namespace, url: str) -> tuple[str | None, Iterable[str]]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    connection = await asyncpg.connect(url)
    try:
        span = Span(arguments.since, arguments.until or datetime.now(UTC))
        redecoder = Redecoder(connection, span, dry_run=arguments.dry_run, stopped=stop.is_set)
        stopped_at = await redecoder.run(arguments.device, from_device=arguments.from_device)
        return stopped_at, redecoder.outcome.lines()
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
