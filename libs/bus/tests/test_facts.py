import pytest

from vt600_bus import Delivery, facts_of
from vt600_bus.topics import COMMAND_STATUSES, DEAD_LETTERS, UPLINKS

PLACE = {"topic": UPLINKS.name, "partition": 3, "offset": 17}


def test_the_ids_of_a_record_are_found_although_the_rest_is_not_as_it_should_be() -> None:
    value = b'{"schema":"vt600.uplink.v9","device_id":"7","session_id":"s","frame_id":"f","listener_id":"l","kind":1}'

    assert facts_of(Delivery(UPLINKS, 3, 17, "7", value)) == {
        **PLACE,
        "device_id": "7",
        "session_id": "s",
        "frame_id": "f",
        "listener_id": "l",
    }


def test_a_command_s_step_is_named_by_command_and_attempt() -> None:
    delivery = Delivery(COMMAND_STATUSES, 0, 0, "7", b'{"command_id":"c","attempt":2}')

    assert facts_of(delivery).items() >= {"device_id": "7", "command_id": "c", "attempt": 2}.items()


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[]", b'{"device_id":5}'])
def test_what_is_no_record_is_named_by_its_key(value: bytes | None) -> None:
    assert facts_of(Delivery(UPLINKS, 3, 17, "7", value)) == {**PLACE, "device_id": "7"}


def test_a_record_without_a_key_is_named_by_its_place() -> None:
    assert facts_of(Delivery(UPLINKS, 3, 17, None, None)) == PLACE
    assert facts_of(Delivery(DEAD_LETTERS, 0, 1, UPLINKS.name, b"")) == {
        "topic": DEAD_LETTERS.name,
        "partition": 0,
        "offset": 1,
    }
