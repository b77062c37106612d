"""What cuts an engine, in the queue."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from vt600_bus.records import CommandRequest, CommandStep, Interlock
from vt600_commander import command_queue
from vt600_commander.intake import take_request
from vt600_commander.models import QueuedCommand

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.servers


async def take(desk: "Desk", request: CommandRequest) -> QueuedCommand:
    await take_request(desk.db, request, desk.presence, desk.now(), desk.rules)
    await desk.db.flush()
    command = await command_queue.find(desk.db, request.command_id)
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("set_immobiliser", {"engaged": True}),
        ("set_output", {"output": 1, "on": True}),
        ("set_outputs", {"states": ["on", "on"]}),
    ],
)
@pytest.mark.parametrize("in_sequence", [False, True])
async def test_a_cut_goes_out_with_an_interlock_and_the_units_own_whoever_asked(
    desk: "Desk", name: str, args: dict[str, Any], *, in_sequence: bool
) -> None:
    desk.link()
    request = desk.request(name, **args)
    if in_sequence:
        step = CommandStep(command_id="a step", type=name, args=args, deadline_at=desk.now() + timedelta(seconds=60))
        request = structs.replace(request, type=None, args={}, deadline_at=None, steps=(step,))
    await take_request(desk.db, request, desk.presence, desk.now(), desk.rules)
    await desk.db.flush()
    sent = await desk.sent()

    assert sent.interlock == Interlock()
    assert b"\x41\x14" in sent.payload  # acts only below 10 km/h (SPEC §3.10)


async def test_the_limits_are_those_of_the_request(desk: "Desk") -> None:
    desk.link()
    limits = Interlock(max_speed_kmh=7, max_fix_age_s=3)
    await take(desk, structs.replace(desk.request("set_immobiliser", engaged=True), interlock=limits))

    assert (await desk.sent()).interlock == limits


async def test_what_would_cut_at_another_time_is_rejected(desk: "Desk") -> None:
    command = await desk.ask("run_output_pattern", output=1, running=True)

    assert (command.state, command.reason) == ("rejected", "interlock_not_possible")


async def test_an_override_goes_out_as_it_was_asked_for_and_says_so(desk: "Desk") -> None:
    desk.link()
    request = desk.request("set_output", output=1, on=True)
    command = await take(desk, structs.replace(request, override_reason="stolen"))
    sent = await desk.sent()

    assert (sent.interlock, b"\x41\x15" in sent.payload) == (None, True)
    assert command.requested_by == "test"


@pytest.mark.parametrize("reason", ["interlock_speed", "interlock_no_fix"])
async def test_what_the_listener_refuses_for_the_interlock_is_rejected_and_not_tried_again(
    desk: "Desk", reason: str
) -> None:
    desk.link()
    command = await desk.ask("set_immobiliser", engaged=True)
    await desk.tell(desk.report(await desk.sent(), "refused", reason))
    desk.link()

    assert await desk.dispatch() is None
    assert (command.state, command.reason) == ("rejected", reason)


async def test_without_the_second_word_it_is_rejected_and_others_go_past_it(desk: "Desk") -> None:
    desk.link()
    request = desk.request("set_immobiliser", deadline_s=600, engaged=True)
    command = await take(desk, structs.replace(request, confirm_by=desk.now() + timedelta(seconds=30)))
    other = await desk.ask()

    assert command.reason == "needs_confirmation"
    assert (await desk.sent()).command_id == other.command_id
    await desk.later(31)
    await take_request(
        desk.db, structs.replace(desk.cancellation(command.command_id), action="confirm"), desk.presence, desk.now(), desk.rules
    )  # fmt: skip
    assert (command.state, command.reason) == ("rejected", "not_confirmed")


async def test_with_the_second_word_it_goes(desk: "Desk") -> None:
    desk.link()
    request = desk.request("set_immobiliser", deadline_s=600, engaged=True)
    command = await take(desk, structs.replace(request, confirm_by=desk.now() + timedelta(seconds=30)))
    assert await desk.dispatch() is None
    await take(desk, structs.replace(desk.cancellation(command.command_id), action="confirm"))

    assert command.reason == "confirmed by test"
    assert (await desk.sent()).command_id == command.command_id
