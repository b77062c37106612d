"""`python -m vt600_commander`: settings, then the process until a signal comes."""

import sys

import structlog
import uvloop
from pydantic import ValidationError

from vt600_bus import KafkaSettings
from vt600_commander.database import is_turned_away
from vt600_commander.process import run
from vt600_commander.settings import CommanderSettings
from vt600_runtime.logs import configure_logs
from vt600_runtime.memory import spare_what_is_loaded
from vt600_runtime.shutdown import stop_on_signals


async def _run(settings: CommanderSettings, kafka: KafkaSettings) -> None:
    await run(settings, kafka, stop_on_signals())


def _sentence(group: BaseExceptionGroup[BaseException]) -> str:
    """What the first error of the group says."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(getattr(first, "orig", first))


def main() -> int:
    """Reads the settings, says what is wrong with them in one line, and runs."""
    try:
        settings, kafka = CommanderSettings(), KafkaSettings()
    except ValidationError as error:
        configure_logs(service="commander")
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        structlog.get_logger().error("settings.invalid", problems=problems)
        return 2
    configure_logs(service="commander", level=settings.log_level, format=settings.log_format)
    spare_what_is_loaded()
    try:
        uvloop.run(_run(settings, kafka))
    except BaseExceptionGroup as group:
        turned_away, other = group.split(is_turned_away)
        if turned_away is None or other is not None:
            raise
        structlog.get_logger().error("database.refused", error=_sentence(turned_away))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
