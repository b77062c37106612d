"""Which listeners count as alive, and what becomes of the links of one that died."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from vt600_api.ingest.leases import Leases
from vt600_bus import Delivery, encode
from vt600_bus.records import Listener
from vt600_bus.topics import LISTENERS

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
UP = Listener(listener_id="l", state="up", started_at=NOON, renewed_at=NOON, lease_s=10, links=1)


class Hearing:
    """Leases with a clock that is moved by hand; the wall clock runs with it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.leases = Leases(clock=lambda: self.seconds, utc_now=self.now)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def renew(self, *, live: bool = True) -> set[str]:
        return self.hear(structs.replace(UP, renewed_at=self.now()), live=live)

    def hear(self, record: Listener, *, live: bool) -> set[str]:
        return self.leases.hear([Delivery(LISTENERS, 0, 0, "l", encode(record))], live=live)


@pytest.fixture
def hearing() -> Hearing:
    made = Hearing()
    made.leases.trust(answering=True)
    return made


def test_a_lease_ends_when_it_is_not_renewed(hearing: Hearing) -> None:
    hearing.seconds = 20
    hearing.renew()
    hearing.seconds = 29
    assert hearing.leases.ended("l") is None
    hearing.seconds = 33

    assert hearing.leases.ended("l") == NOON + timedelta(seconds=30)


def test_a_listener_that_nobody_heard_of_gets_the_time_to_speak(hearing: Hearing) -> None:
    hearing.seconds = 100
    assert hearing.leases.ended("unheard") is None
    hearing.seconds = 109
    assert hearing.leases.ended("unheard") is None
    hearing.seconds = 110

    assert hearing.leases.ended("unheard") == hearing.now()


def test_silence_counts_only_while_the_bus_answers(hearing: Hearing) -> None:
    hearing.renew()
    hearing.seconds = 5
    hearing.leases.trust(answering=False)
    hearing.seconds = 600
    assert hearing.leases.ended("l") is None
    hearing.leases.trust(answering=True)
    hearing.seconds = 609
    assert hearing.leases.ended("l") is None
    hearing.seconds = 610
    hearing.leases.trust(answering=True)

    assert hearing.leases.ended("l") is not None


def test_who_comes_back_is_named_once(hearing: Hearing) -> None:
    assert hearing.renew() == {"l"}
    hearing.seconds = 9
    assert hearing.renew() == set()
    hearing.seconds = 19
    assert hearing.renew() == {"l"}


def test_a_lease_of_long_ago_brings_nobody_back(hearing: Hearing) -> None:
    hearing.seconds = 3_600
    assert hearing.hear(UP, live=False) == set()
    hearing.leases.trust(answering=True)

    assert hearing.leases.ended("l") == NOON + timedelta(seconds=10)


def test_what_is_no_lease_is_passed_over(hearing: Hearing) -> None:
    bad = [Delivery(LISTENERS, 0, 0, "l", value) for value in (None, b"{")]
    assert hearing.leases.hear(bad, live=True) == set()
    assert hearing.hear(structs.replace(UP, renewed_at=NOON.replace(tzinfo=None)), live=False) == set()
