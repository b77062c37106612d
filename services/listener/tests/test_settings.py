import pytest
from pydantic import ValidationError

from vt600_listener.settings import ListenerSettings


def test_networks_are_a_list_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_ALLOWED_NETWORKS", "10.0.0.0/8, 2001:db8::/32")

    assert [str(network) for network in ListenerSettings().allowed_networks] == ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "70000"), ("WINDOW_FRAMES", "0"), ("ALLOWED_NETWORKS", "everywhere"), ("ID", "")]
)
def test_what_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LISTENER_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        ListenerSettings()


def test_a_proxy_header_cannot_be_required_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_PROXY_PROTOCOL", "required")
    with pytest.raises(ValidationError, match="LISTENER_PROXY_TRUSTED"):
        ListenerSettings()


def test_a_listener_has_a_name_without_being_given_one() -> None:
    assert ListenerSettings().id
