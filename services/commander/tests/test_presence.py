"""Who holds which device."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from msgspec import structs

from vt600_bus import Delivery, encode
from vt600_bus.records import Listener, Session
from vt600_bus.topics import LISTENERS, SESSIONS
from vt600_commander.presence import Presence

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
OPEN = Session(
    device_id="d",
    session_id="s1",
    generation=1,
    listener_id="l1",
    state="open",
    at=NOON,
    opened_at=NOON,
    dialect="binary",
    transport="tcp",
    peer="p",
)
UP = Listener(listener_id="l1", state="up", started_at=NOON, renewed_at=NOON, lease_s=10, links=1)


class Hearing:
    """Presence with a clock that is moved by hand; the wall clock runs with it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.presence = Presence(
            clock=lambda: self.seconds, utc_now=lambda: NOON + timedelta(seconds=self.seconds - 1000)
        )

    def hear(self, *records: Session | Listener, live: bool = True) -> set[str]:
        return self.presence.handle(
            [Delivery(SESSIONS if isinstance(r, Session) else LISTENERS, 0, 0, None, encode(r)) for r in records],
            live=live,
        )

    def link(self) -> str | None:
        session = self.presence.session_of("d")
        return None if session is None else session.session_id


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


def newer(session_id: str, generation: int, listener_id: str = "l1") -> Session:
    return structs.replace(OPEN, session_id=session_id, generation=generation, listener_id=listener_id)


def test_a_link_counts_while_its_listener_renews(hearing: Hearing) -> None:
    hearing.hear(UP, OPEN)
    assert hearing.link() == "s1"
    hearing.seconds += 9
    hearing.hear(UP)
    hearing.seconds += 9
    assert hearing.link() == "s1"
    hearing.seconds += 1

    assert hearing.link() is None


def test_a_link_without_a_living_listener_does_not_count(hearing: Hearing) -> None:
    hearing.hear(OPEN)

    assert hearing.link() is None


def test_a_listener_that_comes_back_to_life_brings_its_devices_with_it(hearing: Hearing) -> None:
    assert hearing.hear(OPEN, newer("other", 1, "l2")) == {"d"}
    hearing.hear(newer("s1", 2))
    assert hearing.hear(UP) == {"d"}
    assert hearing.hear(UP) == set()
    hearing.seconds += 10

    assert hearing.hear(UP) == {"d"}


def test_a_listener_that_goes_down_holds_nothing_at_once(hearing: Hearing) -> None:
    hearing.hear(UP, OPEN)
    hearing.hear(structs.replace(UP, state="draining"))
    assert hearing.link() == "s1"
    hearing.hear(structs.replace(UP, state="down"))

    assert hearing.link() is None


def test_the_newest_generation_wins_in_whatever_order_they_come(hearing: Hearing) -> None:
    hearing.hear(UP, newer("s5", 5), newer("s4", 4))

    assert hearing.link() == "s5"


def test_a_closing_counts_only_for_its_own_link(hearing: Hearing) -> None:
    hearing.hear(UP, OPEN, newer("s2", 2), structs.replace(OPEN, state="closed"))
    assert hearing.link() == "s2"
    assert hearing.hear(structs.replace(newer("s2", 2), state="closed")) == {"d"}

    assert hearing.link() is None
    assert len(hearing.presence) == 0


def test_what_is_said_of_a_link_after_a_newer_one_was_closed_brings_nobody_back(hearing: Hearing) -> None:
    hearing.hear(UP, newer("s2", 2), structs.replace(newer("s2", 2), state="closed"))
    hearing.hear(structs.replace(OPEN, quiet_since=NOON))
    assert hearing.link() is None
    hearing.hear(newer("s3", 3))

    assert hearing.link() == "s3"


def test_a_link_that_falls_silent_and_is_heard_again_is_the_same_link(hearing: Hearing) -> None:
    hearing.hear(UP, OPEN, structs.replace(OPEN, quiet_since=NOON))
    assert hearing.link() == "s1"
    hearing.hear(OPEN, structs.replace(OPEN, state="closed"))

    assert hearing.link() is None


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_live_link_behind_whose_record_stands_one_of_an_older_link_is_named_once(
    hearing: Hearing, state: Literal["open", "closed"]
) -> None:
    hearing.hear(OPEN, newer("s2", 2, "l2"))
    assert hearing.presence.take_hidden() == []
    hearing.hear(structs.replace(OPEN, state=state))

    assert [link.session_id for link in hearing.presence.take_hidden()] == ["s2"]
    assert hearing.presence.take_hidden() == []


def test_a_closed_link_is_not_named_again(hearing: Hearing) -> None:
    hearing.hear(OPEN, newer("s2", 2), structs.replace(OPEN, state="closed"))
    hearing.hear(structs.replace(newer("s2", 2), state="closed"))

    assert hearing.presence.take_hidden() == []


def test_a_renewal_from_before_our_start_counts_from_its_own_time(hearing: Hearing) -> None:
    hearing.seconds += 8
    hearing.hear(UP, OPEN, live=False)
    assert hearing.link() == "s1"
    hearing.seconds += 2

    assert hearing.link() is None


def test_a_listener_long_dead_holds_nothing_after_our_start(hearing: Hearing) -> None:
    hearing.seconds += 3600
    hearing.hear(UP, OPEN, live=False)

    assert hearing.link() is None


def test_the_listeners_clock_does_not_matter_to_its_renewals(hearing: Hearing) -> None:
    hearing.hear(OPEN, structs.replace(UP, renewed_at=NOON - timedelta(hours=1)))

    assert hearing.link() == "s1"


def test_what_cannot_be_read_is_passed_over(hearing: Hearing) -> None:
    bad = [
        Delivery(SESSIONS, 0, 0, "d", b"{"),
        Delivery(LISTENERS, 0, 0, "l1", encode(structs.replace(UP, renewed_at=NOON.replace(tzinfo=None)))),
        Delivery(SESSIONS, 0, 0, "d", None),
        Delivery(SESSIONS, 0, 0, "d", encode(OPEN)),
    ]

    assert hearing.presence.handle(bad, live=False) == {"d"}
