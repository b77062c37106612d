"""The judge finds one planted violation of each rule, and none in a history that may be true."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.chaos.history import Asked, Change, Fault, History, Received, State, Told, read, write
from tests.chaos.judge import judge

T0 = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIVES: dict[State, tuple[State, ...]] = {
    "queued": ("queued",),
    "acknowledged": ("queued", "dispatched", "written", "acknowledged"),
    "failed": ("queued", "dispatched", "written", "failed"),
    "unknown": ("queued", "dispatched", "written", "unknown"),
    "expired": ("queued", "expired"),
    "cancelled": ("queued", "dispatched", "cancelled"),
    "rejected": ("queued", "rejected"),
}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def asked(name: str = "a", **given: Any) -> Asked:
    values: dict[str, Any] = {
        "device_id": "1",
        "at": at(0),
        "key": f"key-{name}",
        "body": f"body-{name}",
        "commands": (f"body-{name}",),
        "status": 202,
        "command_ids": (name,),
    }
    return Asked(**values | given)


def told(name: str = "a", state: State = "acknowledged", **given: Any) -> Told:
    lived = given.pop("lived", LIVES[state])
    values: dict[str, Any] = {
        "command_id": name,
        "device_id": "1",
        "body": f"body-{name}",
        "content": f"content-{name}",
        "command_class": "actuating",
        "requested_at": at(0),
        "deadline_at": at(60),
        "state": state,
        "changes": tuple(Change(revision=number, state=step, at=at(number)) for number, step in enumerate(lived)),
    }
    return Told(**values | given)


def received(name: str = "a", second: float = 1, **given: Any) -> Received:
    values: dict[str, Any] = {
        "device_id": "1",
        "at": at(second),
        "content": f"content-{name}",
        "data": "40",
        "link": "tcp:1",
        "manner": "obeys",
        "yes_at": at(second),
    }
    return Received(**values | given)


def history(*events: Asked | Told | Received) -> History:
    return History(
        seed=1,
        ended_at=at(100),
        grace_s=30,
        slack_s=1,
        asked=tuple(each for each in events if isinstance(each, Asked)),
        told=tuple(each for each in events if isinstance(each, Told)),
        received=tuple(each for each in events if isinstance(each, Received)),
        faults=(Fault(names=("Kafka",), at=at(2), back_at=at(9)),),
    )


def rules(*events: Asked | Told | Received) -> list[str]:
    return [violation.rule for violation in judge(history(*events))]


TRUE_HISTORIES: dict[str, tuple[Asked | Told | Received, ...]] = {
    "obeyed": (asked(), told(), received()),
    "refused by the device": (asked(), told(state="failed"), received(yes_at=None, no_at=at(1))),
    "no answer": (asked(), told(state="unknown"), received(yes_at=None)),
    "bytes that vanished": (asked(), told(state="unknown")),
    "answered late": (
        asked(),
        told(lived=("queued", "dispatched", "written", "unknown", "acknowledged")),
        received(yes_at=at(70)),
    ),
    "noted twice in one state": (asked(), told(lived=("queued", "dispatched", "dispatched", "acknowledged")), received()),
    "never sent": (asked(), told(state="expired")),
    "still in time": (asked(), told(state="queued", deadline_at=at(90))),
    "a query sent again": (asked(), told(command_class="query"), received(), received(second=5)),
    "two of the same": (asked(), asked("b", body="body-a", commands=("body-a",)), told(), told("b", body="body-a", content="content-a"), received(), received(second=5)),
    "submitted twice with one key": (asked(), asked(status=200), asked(status=None, command_ids=()), told(), received()),
    "another body refused": (asked(), asked(body="body-b", commands=("body-b",), status=422, command_ids=()), told(), received()),
    "a position that came by chance": (asked(), told(command_class="query", reason="not_provable")),
    "on its way at the deadline": (asked(), told(), received(second=60.9)),
    "a dialect that cannot say it": (asked(), told(state="rejected", content=None)),
    "a sequence": (
        asked(commands=("body-a", "body-b"), command_ids=("a", "b")),
        told(sequence_id="s", step=0), told("b", sequence_id="s", step=1), received(second=1), received("b", second=2),
    ),
    "a step whose bytes another command has too": (
        asked(commands=("body-a", "body-b"), command_ids=("a", "b")), asked("c", commands=("body-b",), body="body-b"),
        told(state="expired", sequence_id="s", step=0), told("b", state="cancelled", sequence_id="s", step=1),
        told("c", body="body-b", content="content-b"), received("b", second=2),
    ),
    "a sequence that stopped": (
        asked(commands=("body-a", "body-b"), command_ids=("a", "b")),
        told(state="failed", sequence_id="s", step=0), told("b", state="cancelled", sequence_id="s", step=1),
        received(yes_at=None, no_at=at(1)),
    ),
}  # fmt: skip

PLANTED: dict[str, tuple[str, tuple[Asked | Told | Received, ...]]] = {
    "no final state": ("one final state", (asked(), told(state="queued"))),
    "final, then another state": ("one final state", (asked(), told(lived=("queued", "expired", "dispatched", "acknowledged")), received())),
    "state unlike its audit": ("one final state", (asked(), told(lived=("queued", "dispatched")), received())),
    "what nobody asked for": ("asked for", (received(),)),
    "before it was asked for": ("asked for", (asked(), told(state="unknown"), received(second=-1))),
    "actuating twice": ("written once", (asked(), told(), received(), received(second=5, link="tcp:2"))),
    "after the deadline": ("in time", (asked(), told(), received(second=62))),
    "no answer": ("answered by the device", (asked(), told(), received(yes_at=None))),
    "never arrived": ("answered by the device", (asked(), told())),
    "a no taken for a yes": ("answered by the device", (asked(), told(), received(yes_at=None, no_at=at(1)))),
    "a yes taken for a no": ("answered by the device", (asked(), told(state="failed"), received())),
    "expired, but arrived": ("nothing left", (asked(), told(state="expired"), received())),
    "cancelled, but arrived": ("nothing left", (asked(), told(state="cancelled", command_class="query"), received())),
    "rejected, but arrived": ("nothing left", (asked(), told(state="rejected"), received())),
    "one may have left, two arrived": (
        "nothing left",
        (asked(), asked("b", body="body-a", commands=("body-a",)), told(), told("b", state="expired", body="body-a", content="content-a"), received(), received(second=5)),
    ),
    "a step too early": (
        "sequences in order",
        (
            asked(commands=("body-a", "body-b"), command_ids=("a", "b")),
            told(sequence_id="s", step=0), told("b", sequence_id="s", step=1), received(second=2), received("b", second=1),
        ),
    ),
    "a step after a no": (
        "sequences in order",
        (
            asked(commands=("body-a", "body-b"), command_ids=("a", "b")),
            told(state="failed", sequence_id="s", step=0), told("b", sequence_id="s", step=1),
            received(yes_at=None, no_at=at(1)), received("b", second=2),
        ),
    ),
    "accepted and forgotten": ("accepted is kept", (asked(),)),
    "two commands for one key": (
        "keys held",
        (asked(), asked(command_ids=("b",)), told(), told("b", state="expired", content="content-b"), received()),
    ),
    "two bodies for one key": (
        "keys held",
        (asked(), asked("b", key="key-a", command_ids=("a",)), told(), received()),
    ),
    "a lost answer made a second command": (
        "keys held",
        (asked(), asked(status=None, command_ids=()), told(), told("b", state="expired", body="body-a", content="content-b"), received()),
    ),
    "refused, but made": (
        "keys held",
        (asked(status=403, command_ids=()), told(state="expired")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE_HISTORIES)
def test_a_history_that_may_be_true_has_no_violation(name: str) -> None:
    assert judge(history(*TRUE_HISTORIES[name])) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str) -> None:
    rule, events = PLANTED[name]

    assert rule in rules(*events)


def test_one_violation_does_not_hide_another() -> None:
    found = rules(asked(), told(), received(), received(second=70), asked("b"))

    assert set(found) >= {"written once", "in time", "accepted is kept"}


def test_a_violation_shows_its_whole_history() -> None:
    twice = (received(), received(second=5))
    (violation,) = [each for each in judge(history(asked(), told(), *twice)) if each.rule == "written once"]

    assert violation.events == (told(), *twice)


def test_devices_are_judged_apart() -> None:
    assert "asked for" in rules(asked(), told(state="unknown"), received(device_id="2"))


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    events = [event for each in TRUE_HISTORIES.values() for event in each]
    write(history(*events), tmp_path / "history")

    assert read(tmp_path / "history") == history(*events)
    assert msgspec.json.decode((tmp_path / "history").read_bytes().splitlines()[0])["seed"] == 1
