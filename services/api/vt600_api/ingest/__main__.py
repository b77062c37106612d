"""`python -m vt600_api.ingest`: settings, then the process until a signal comes; `… dead-letters` looks after what it refused."""

import gc
import sys

import structlog
import uvloop
from pydantic import ValidationError

from vt600_api.ingest import dead_letters
from vt600_api.ingest.process import run
from vt600_api.ingest.settings import IngestSettings
from vt600_bus import KafkaSettings
from vt600_runtime.logs import configure_logs
from vt600_runtime.memory import spare_what_is_loaded
from vt600_runtime.shutdown import stop_on_signals
from vt600_runtime.tracing import start_tracing

_RECORDS_BEFORE_GC = 100_000


async def _run(settings: IngestSettings, kafka: KafkaSettings) -> None:
    await run(settings, kafka, stop_on_signals(), start_tracing("ingest"))


def main() -> int:
    """Reads the settings, says what is wrong with them in one line, and runs."""
    if sys.argv[1:2] == ["dead-letters"]:
        return dead_letters.main(sys.argv[2:])
    try:
        settings = IngestSettings()
        kafka = KafkaSettings()
    except ValidationError as error:
        configure_logs(service="ingest")
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        structlog.get_logger().error("settings.invalid", problems=problems)
        return 2
    configure_logs(service="ingest", level=settings.log_level, format=settings.log_format)
    spare_what_is_loaded()
    # A batch is ten thousands of objects without cycles; looking for some in every batch costs a sixth of the time.
    gc.set_threshold(_RECORDS_BEFORE_GC, 20, 100)
    uvloop.run(_run(settings, kafka))
    return 0


if __name__ == "__main__":
    sys.exit(main())
