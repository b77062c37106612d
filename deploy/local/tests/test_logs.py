"""Every id in a line of the log has the one name that docs/operations/logs.md gives it."""

import ast
import re
from collections.abc import Iterator

from vt600_local.home import CHECKOUT

_LEVELS = frozenset({"debug", "info", "warning", "error", "exception"})
_IDS = re.compile(r"(?:^|_)(?:id|device|session|frame|command|listener|link|peer|address|topic|offset|partition)$")


def _calls() -> Iterator[tuple[str, str]]:
    """Where a line is written, and each key that it has."""
    for part in ("libs", "services"):
        for path in (CHECKOUT / part).rglob("vt600_*/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
                    yield from ((f"{path.name}:{node.lineno}", word.arg) for word in node.keywords if word.arg)


def test_ids_in_logs_have_the_names_of_the_page() -> None:
    page = (CHECKOUT / "docs" / "operations" / "logs.md").read_text()
    names = {name for row in re.findall(r"^\| (`.+?`) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    keys = list(_calls())

    assert len(keys) > 100
    assert {"device_id", "session_id", "frame_id", "command_id"} <= names & {key for _place, key in keys}
    assert not [(place, key) for place, key in keys if _IDS.search(key) and key not in names]
