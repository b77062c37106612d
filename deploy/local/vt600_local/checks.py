"""What can be told before anything starts, each in one sentence that says what to do. Standard library only.

`python -m vt600_local.checks` runs before there is an environment, so that nobody waits for it in vain.
"""

import shutil
import sys
from collections.abc import Mapping

from vt600_local.home import home
from vt600_local.kafka import has_jars
from vt600_local.ports import is_free
from vt600_local.server import StackError
from vt600_local.tools import java, maven

_NEEDED_BYTES = 1_500_000_000


def check_tools() -> None:
    """Java must be there and new enough; Maven too, as long as Kafka's jars are not here."""
    java()
    if not has_jars():
        maven()


def check_disk() -> None:
    """There must be room for the environment, the jars and some data."""
    folder = next(folder for folder in (home(), *home().parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise StackError(
            f"only {free / 1e6:.0f} MB are free where {folder} lies and {_NEEDED_BYTES / 1e6:.0f} MB are needed:"
            " make room, or set VT600_HOME to a folder on another disk"
        )


def check_ports(ports: Mapping[str, int]) -> None:
    """Every port, given by the name of its setting, must be free and wanted once."""
    seen: dict[int, str] = {}
    for setting, port in ports.items():
        if port in seen:
            raise StackError(f"{setting} and {seen[port]} are both {port}: set one of them to another port")
        seen[port] = setting
        if not is_free(port):
            raise StackError(
                f"port {port} is in use: stop what uses it, or choose another one, for example {setting}={port + 1000}"
            )


def main() -> int:
    """Exit code 0 when this machine has what a run needs, else 1 with one sentence."""
    try:
        check_tools()
        check_disk()
    except StackError as error:
        print(f"vt600: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
