"""`python -m vt600_commander`: settings, then the process until a signal comes."""

import sys

import structlog
import uvloop
from pydantic import ValidationError

from vt600_bus import KafkaSettings
from vt600_commander.process import run
from vt600_commander.settings import CommanderSettings
from vt600_runtime.logs import configure_logs
from vt600_runtime.memory import spare_what_is_loaded
from vt600_runtime.shutdown import stop_on_signals
from vt600_runtime.tracing import start_tracing


async def _run(settings: CommanderSettings, kafka: KafkaSettings) -> None:
    await run(settings, kafka, stop_on_signals(), start_tracing("commander"))


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
    uvloop.run(_run(settings, kafka))
    return 0


if __name__ == "__main__":
    sys.exit(main())
