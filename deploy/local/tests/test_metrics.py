"""The page and the dashboard are those of the code, and alerts and panels speak of metrics that there are."""

import re

import pytest

from vt600_local.dashboard import dashboard
from vt600_local.home import CHECKOUT
from vt600_local.metrics_page import names, page

_MONITORING = CHECKOUT / "deploy" / "monitoring"


def test_the_page_is_current() -> None:
    assert (CHECKOUT / "docs" / "operations" / "metrics.md").read_text() == page(), "make documents"


def test_the_dashboard_is_current() -> None:
    assert (_MONITORING / "dashboard.json").read_text() == dashboard(), "make documents"


@pytest.mark.parametrize("text", [(_MONITORING / "alerts.yaml").read_text(), dashboard()], ids=["alerts", "dashboard"])
def test_alerts_and_panels_name_only_what_is_exported(text: str) -> None:
    named = set(re.findall(r"\bvt600_[a-z_]+\b(?=[{\[)> \"])", text))

    assert len(named) >= 10
    assert named <= names()
