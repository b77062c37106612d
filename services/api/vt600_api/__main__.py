"""`python -m vt600_api`: the REST and WebSocket process."""

import signal
import sys
from types import FrameType
from typing import NoReturn

import structlog
import uvicorn
from pydantic import ValidationError

from vt600_api.app import create_app
from vt600_api.settings import ApiSettings
from vt600_bus import KafkaSettings
from vt600_runtime.logs import configure_logs
from vt600_runtime.memory import spare_what_is_loaded
from vt600_runtime.tracing import start_tracing

_DRAIN_S = 10

_log = structlog.get_logger()


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    try:
        settings, kafka = ApiSettings(), KafkaSettings()
    except ValidationError as error:
        configure_logs(service="api")
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        _log.error("settings.invalid", problems=problems)
        return 2
    configure_logs(service="api", level=settings.log_level, format=settings.log_format)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    app = create_app(settings, kafka, start_tracing("api"))
    spare_what_is_loaded()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_S,
        ws_ping_interval=20,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,  # a message is encoded once for all; packing it anew for each costs most of a core
    )
    return 0


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """A clean end. While it serves, uvicorn takes the signals; it raises them again once it has drained."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
