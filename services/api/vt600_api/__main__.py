"""`python -m vt600_api`: the REST and WebSocket process."""

import sys

import uvicorn
from pydantic import ValidationError

from vt600_api.app import create_app
from vt600_api.settings import ApiSettings
from vt600_bus import KafkaSettings
from vt600_runtime.logs import configure_logs

_DRAIN_S = 10


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    try:
        settings, kafka = ApiSettings(), KafkaSettings()
    except ValidationError as error:
        first = error.errors()[0]
        print(f"vt600_api: API_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}", file=sys.stderr)
        return 2
    configure_logs(service="api", level=settings.log_level, format=settings.log_format)
    uvicorn.run(
        create_app(settings, kafka),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_S,
        ws_ping_interval=20,
        ws_max_size=64 * 1024,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
