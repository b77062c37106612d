"""Commands of which each is sent once the one before was acknowledged."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vt600_bus.records import CommandRequest, CommandStep
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_commander import command_queue
from vt600_commander.intake import take_request
from vt600_commander.models import QueuedCommand

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench, Desk, Records

ARGS: dict[str, dict[str, Any]] = {"set_interval": {"interval_s": 60}, "set_immobiliser": {"engaged": True}}


def sequence(says: "Records", *names: str, deadline_s: float = 3600) -> CommandRequest:
    """The request for it; its steps are named after it."""
    now, name = says.now(), f"sequence of {says.device_id}"
    steps = tuple(
        CommandStep(
            command_id=f"{name}, {number}",
            type=command,
            args=ARGS.get(command, {}),
            deadline_at=now + timedelta(seconds=deadline_s),
        )
        for number, command in enumerate(names)
    )
    return CommandRequest(
        command_id=name, device_id=says.device_id, action="submit", requested_at=now, requested_by="test", steps=steps
    )


async def submit(desk: "Desk", *names: str, deadline_s: float = 3600) -> list[QueuedCommand]:
    request = sequence(desk, *names, deadline_s=deadline_s)
    await take_request(desk.db, request, desk.presence, desk.now(), desk.rules)
    await desk.db.flush()
    found = [await command_queue.find(desk.db, step.command_id) for step in request.steps]
    return [command for command in found if command is not None]


async def acknowledge(desk: "Desk") -> str:
    """The next command is written and answered; what it is."""
    desk.seconds += 1
    downlink = await desk.written()
    await desk.tell(desk.reply(downlink))
    command = await command_queue.find(desk.db, downlink.command_id)
    assert command is not None
    return command.type


async def test_the_steps_go_in_their_order_each_after_the_answer_to_the_one_before(desk: "Desk") -> None:
    desk.link()
    commands = await submit(desk, "set_interval", "identify", "restart")
    await desk.written()
    await desk.later(40)  # no answer: it is tried again, and the others wait
    assert [command.state for command in commands] == ["queued", "queued", "queued"]
    sent = [await acknowledge(desk) for _ in commands]

    assert sent == ["set_interval", "identify", "restart"]
    assert [(command.step, command.state) for command in commands] == [(n, "acknowledged") for n in range(3)]


async def test_a_safety_command_does_not_go_before_the_earlier_steps_of_its_sequence_but_before_all_else(
    desk: "Desk",
) -> None:
    desk.link()
    await submit(desk, "identify", "set_immobiliser")
    await desk.ask("restart")
    sent = [await acknowledge(desk) for _ in range(3)]

    assert sent == ["identify", "set_immobiliser", "restart"]


@pytest.mark.parametrize("end", ["failed", "unknown", "expired", "cancelled", "rejected"])
async def test_the_first_step_that_does_not_end_acknowledged_ends_the_sequence(desk: "Desk", end: str) -> None:
    desk.rules = replace(desk.rules, tries=1)
    first, *rest = await submit(desk, "identify", "set_interval", "restart")
    if end == "cancelled":
        await desk.cancel(first)
    elif end == "expired":
        first.check_at = first.deadline_at = desk.now()
        await desk.later(0)
    elif end == "rejected":
        first.type = "explode"
        desk.link()
    else:
        desk.link()
        downlink = await desk.written()
        if end == "failed":
            await desk.tell(desk.reply(downlink, ok=False))
        await desk.later(31)
    assert await desk.dispatch() is None

    assert first.state == end
    assert {(command.state, command.reason) for command in rest} == {("cancelled", "sequence_stopped")}


async def test_a_late_answer_does_not_bring_a_stopped_sequence_back_to_life(desk: "Desk") -> None:
    desk.link()
    desk.rules = replace(desk.rules, tries=1)
    first, second = await submit(desk, "identify", "restart")
    downlink = await desk.written()
    await desk.later(31)
    assert await desk.dispatch() is None
    assert (first.state, second.state) == ("unknown", "cancelled")
    await desk.tell(desk.reply(downlink))

    assert (first.state, first.reason) == ("acknowledged", "late")
    assert await desk.dispatch() is None
    assert second.state == "cancelled"


async def test_a_sequence_that_has_no_room_is_refused_as_a_whole(desk: "Desk") -> None:
    desk.rules = replace(desk.rules, max_queued=2)
    commands = await submit(desk, "identify", "identify", "identify")

    assert {(command.state, command.reason) for command in commands} == {("rejected", "too_many_queued")}


async def test_a_sequence_that_is_asked_for_twice_is_one(desk: "Desk") -> None:
    desk.link()
    await submit(desk, "identify", "restart")
    assert await acknowledge(desk) == "identify"
    await submit(desk, "identify", "restart")

    assert await acknowledge(desk) == "restart"
    assert await desk.dispatch() is None


async def test_a_sequence_goes_on_after_a_restart(bench: "Bench") -> None:
    await bench.link()
    request = sequence(bench, "identify", "set_interval", "restart")
    await bench.publisher.publish(COMMAND_REQUESTS, bench.device_id, request)
    for number, step in enumerate(request.steps):
        downlink = await bench.next_downlink(after=number)
        await bench.stop()
        assert downlink.command_id == step.command_id
        await bench.tell(bench.report(downlink, "written"))
        await bench.tell(bench.reply(downlink))
        bench.start()
        status = await bench.status(step.command_id, "acknowledged")
        assert (status.sequence_id, status.step) == (request.command_id, number)

    assert len(bench.downlinks) == len(request.steps)
