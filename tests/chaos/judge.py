"""Whether what was recorded at both ends can be true together. Pure: a history goes in, violations come out.

Bytes carry no id of the command that they belong to. The judge therefore compares groups: all commands for one device whose bytes say
the same, and all arrivals of such bytes. Runs make contents as different as the protocol allows, so that most groups are of one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.history import Asked, History, Received, State, Told

# The judge has a table of its own, so that a mistake in the gateway's does not hide itself (DESIGN §7). After `unknown` comes what
# proves more.
_MAY_FOLLOW: Mapping[State, frozenset[State]] = {
    "queued": frozenset(("dispatched", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown")),
    "dispatched": frozenset(("queued", "written", "acknowledged", "failed", "expired", "cancelled", "unknown")),
    "written": frozenset(("queued", "acknowledged", "failed", "unknown")),
    "unknown": frozenset(("acknowledged", "failed", "expired", "cancelled")),
}
_WAITING: frozenset[State] = frozenset(("queued", "dispatched", "written"))
_NOTHING_LEFT: frozenset[State] = frozenset(("expired", "cancelled", "rejected"))
_ACCEPTED = range(200, 300)
_REFUSED = range(400, 500)


Event = Asked | Told | Received


class Violation(NamedTuple):
    """A promise that was broken, and everything that is known of the case."""

    rule: str
    text: str
    events: tuple[Event, ...]


class Group(NamedTuple):
    """Commands whose bytes say the same to one device, and arrivals of such bytes, in order."""

    told: Sequence[Told]
    received: Sequence[Received]

    @property
    def events(self) -> tuple[Event, ...]:
        """All of it."""
        return (*self.told, *self.received)


def judge(history: History) -> list[Violation]:
    """Every violation in the history."""
    groups = _groups(history)
    found = [violation for told in history.told for violation in _life(told, history)]
    found += [violation for group in groups.values() for rule in _RULES for violation in rule(group, history)]
    return [*found, *_sequences(history, groups), *_idempotency(history)]


def _groups(history: History) -> dict[tuple[str, str], Group]:
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    received: dict[tuple[str, str], list[Received]] = defaultdict(list)
    for command in history.told:
        if command.content is not None:
            told[command.device_id, command.content].append(command)
    for arrival in sorted(history.received, key=lambda each: each.at):
        received[arrival.device_id, arrival.content].append(arrival)
    return {key: Group(told[key], received[key]) for key in {*told, *received}}


def _life(told: Told, history: History) -> Iterator[Violation]:
    """One final state, or time left; and no step that contradicts the one before."""
    if told.state in _WAITING and history.ended_at > told.deadline_at + timedelta(seconds=history.grace_s):
        yield Violation("one final state", f"still {told.state} after its deadline", (told,))
    if not told.changes:
        return
    changes = sorted(told.changes, key=lambda change: change.revision)
    for before, after in pairwise(changes):
        if before.state != after.state and after.state not in _MAY_FOLLOW.get(before.state, frozenset()):
            yield Violation("one final state", f"{before.state} became {after.state}", (told,))
    if changes[-1].state != told.state:
        yield Violation("one final state", f"is {told.state}, its audit ends {changes[-1].state}", (told,))


def _asked_for(group: Group, _history: History) -> Iterator[Violation]:
    for number, arrival in enumerate(group.received):
        if not any(told.requested_at <= arrival.at for told in group.told):
            yield Violation("asked for", f"arrival {number + 1} of what nobody had asked for", group.events)


def _written_once(group: Group, _history: History) -> Iterator[Violation]:
    actuating = [told for told in group.told if told.command_class == "actuating"]
    if actuating and len(group.received) > len(group.told):
        text = f"{len(group.told)} actuating commands arrived {len(group.received)} times"
        yield Violation("written once", text, group.events)


def _in_time(group: Group, history: History) -> Iterator[Violation]:
    slack = timedelta(seconds=history.slack_s)
    for arrival in group.received:
        deadlines = [told.deadline_at for told in group.told if told.requested_at <= arrival.at]
        if deadlines and arrival.at > max(deadlines) + slack:
            late_s = (arrival.at - max(deadlines)).total_seconds()
            yield Violation("in time", f"arrived {late_s:.3f} s after its deadline", group.events)


def _answered(group: Group, _history: History) -> Iterator[Violation]:
    """As many answers as commands that claim one. A position may answer a request by chance, and the gateway says so."""
    yes = [each for each in group.received if each.yes_at is not None]
    no = [each for each in group.received if each.no_at is not None]
    acknowledged = [told for told in group.told if told.state == "acknowledged" and told.reason != "not_provable"]
    failed = [told for told in group.told if told.state == "failed"]
    for claimed, given, word in ((acknowledged, yes, "acknowledged"), (failed, no, "failed")):
        if len(claimed) > len(given):
            text = f"{len(claimed)} {word}, the device said so {len(given)} times"
            yield Violation("answered by the device", text, group.events)


def _nothing_left(group: Group, _history: History) -> Iterator[Violation]:
    """What arrived belongs to a command that does not claim that nothing left."""
    for arrival in group.received:
        meant = [told for told in group.told if told.requested_at <= arrival.at]
        if meant and all(told.state in _NOTHING_LEFT for told in meant):
            states = ", ".join(sorted({told.state for told in meant}))
            yield Violation("nothing left", f"{states}, but its bytes arrived", group.events)
            return
    actuating = [told for told in group.told if told.command_class == "actuating"]
    may = [told for told in actuating if told.state not in _NOTHING_LEFT]
    if len(group.told) == len(actuating) and len(group.received) > len(may) > 0:
        yield Violation("nothing left", f"{len(may)} may have left, {len(group.received)} arrived", group.events)


_RULES: tuple[Callable[[Group, History], Iterator[Violation]], ...] = (
    _asked_for,
    _written_once,
    _in_time,
    _answered,
    _nothing_left,
)


def _sequences(history: History, groups: Mapping[tuple[str, str], Group]) -> Iterator[Violation]:
    """A step begins when the one before it was answered with yes. Only bytes that no other command has tell which step they are of."""
    steps: dict[str, list[Told]] = defaultdict(list)
    for told in history.told:
        if told.sequence_id is not None:
            steps[told.sequence_id].append(told)
    for sequence in steps.values():
        for before, after in pairwise(sorted(sequence, key=lambda told: told.step or 0)):
            if _shared(groups, before) or _shared(groups, after):
                continue
            earlier, later = _arrivals(groups, before), _arrivals(groups, after)
            answered = min((each.yes_at for each in earlier if each.yes_at is not None), default=history.ended_at)
            if later and later[0].at < answered and before.reason != "not_provable":
                text = f"step {after.step} arrived before the device had answered step {before.step}"
                yield Violation("sequences in order", text, (before, after, *earlier, *later))


def _shared(groups: Mapping[tuple[str, str], Group], told: Told) -> bool:
    return told.content is not None and len(groups[told.device_id, told.content].told) > 1


def _arrivals(groups: Mapping[tuple[str, str], Group], told: Told) -> Sequence[Received]:
    group = groups.get((told.device_id, told.content or ""), Group((), ()))
    return [each for each in group.received if each.at >= told.requested_at]


def _idempotency(history: History) -> Iterator[Violation]:
    """One key, one body, one command; what was accepted exists, what was refused does not."""
    known = {told.command_id for told in history.told}
    of_key: dict[str, list[Asked]] = defaultdict(list)
    may_have_made: dict[tuple[str, str], dict[str, list[Asked]]] = defaultdict(lambda: defaultdict(list))
    for number, asked in enumerate(history.asked):
        key = asked.key or f"none, request {number}"
        of_key[key].append(asked)
        if asked.status in _ACCEPTED and not known.issuperset(asked.command_ids):
            yield Violation("accepted is kept", "the gateway does not know what it accepted", (asked,))
        if asked.status not in _REFUSED:
            for body in asked.commands:
                may_have_made[asked.device_id, body][key].append(asked)
    for key, requests in of_key.items():
        accepted = [asked for asked in requests if asked.status in _ACCEPTED]
        if len({(asked.command_ids, asked.body) for asked in accepted}) > 1:
            yield Violation("keys held", f"key {key} stands for several commands", tuple(requests))
    made: dict[tuple[str, str], dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for told in history.told:
        made[told.device_id, told.body][told.sequence_id or told.command_id].append(told)
    for place, commands in made.items():
        requests_of = may_have_made[place]
        if len(commands) > len(requests_of):
            events: list[Event] = [asked for each in requests_of.values() for asked in each]
            events += [command for each in commands.values() for command in each]
            text = f"{len(requests_of)} requests made {len(commands)} commands"
            yield Violation("keys held", text, tuple(events))
