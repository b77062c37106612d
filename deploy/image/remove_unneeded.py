"""Uninstalls what no process of the gateway needs, pip itself last: only the members and what they require stay."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions

from pip._vendor.packaging.requirements import Requirement


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed() -> set[str]:
    """Names of the members and of everything that they require, directly or not."""
    found: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in map(_plain, _installed()) if name.startswith("vt600-")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # a marker that holds here only by its extra
        found.add((name, extra))
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(_plain(requirement.name), wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in found}


def _installed() -> list[str]:
    return [found.metadata["Name"] for found in distributions()]


if __name__ == "__main__":
    needed = _needed()
    unneeded = sorted(name for name in map(_plain, _installed()) if name not in needed)
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", *unneeded, "pip"]))  # noqa: S603
