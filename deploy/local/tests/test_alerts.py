"""Every alert is tested both ways, and has a runbook that speaks of what there is."""

import re
import shutil
import subprocess

import pytest

from vt600_local.home import CHECKOUT
from vt600_local.metrics_page import names

_MONITORING = CHECKOUT / "deploy" / "monitoring"
_RUNBOOKS = "docs/operations/runbooks.md"
_TEXT = (CHECKOUT / _RUNBOOKS).read_text()
_ALERTS = re.findall(r"- alert: (\w+)", (_MONITORING / "alerts.yaml").read_text())


def _sections() -> dict[str, str]:
    """What the page says under each heading."""
    _, *parts = re.split(r"^## (\w+)\n", _TEXT, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_alert_names_its_section_and_every_section_has_an_alert() -> None:
    rules = (_MONITORING / "alerts.yaml").read_text()

    assert list(_sections()) == _ALERTS
    assert re.findall(r"runbook: (\S+)", rules) == [f"{_RUNBOOKS}#{name.lower()}" for name in _ALERTS]


@pytest.mark.parametrize("name", _ALERTS)
def test_a_section_says_what_to_make_of_it(name: str) -> None:
    section = _sections().get(name, "")

    assert re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE) == ["Means", "Users notice", "Look at", "Do"]


def test_runbooks_name_only_what_is_exported() -> None:
    named = set(re.findall(r"\bvt600_\w+\b(?=[{\[)` ])", _TEXT))

    assert len(named) >= 15
    assert named <= names() | {"vt600_api", "vt600_protocol"}


@pytest.mark.parametrize("name", _ALERTS)
def test_an_alert_is_tested_to_fire_and_to_be_silent(name: str) -> None:
    tests = (_MONITORING / "alerts.test.yaml").read_text()

    assert re.search(rf"{{eval_time: \w+, alertname: {name}}}", tests)
    assert re.search(rf"alertname: {name}\n +exp_alerts:", tests)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool is here (Debian: apt install prometheus)")
def test_alerts_fire_when_they_should() -> None:
    command = ["promtool", "test", "rules", "alerts.test.yaml"]
    done = subprocess.run(command, cwd=_MONITORING, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
