"""Requests at the queue."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from vt600_commander import command_queue
from vt600_commander.intake import take_request

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk


@pytest.mark.parametrize(("name", "hours"), [("restart", 1 / 60), ("set_interval", 24), ("identify", 24)])
async def test_a_request_without_a_deadline_gets_that_of_its_class(desk: "Desk", name: str, hours: float) -> None:
    request = structs.replace(desk.request(name, **{"interval_s": 60} if "interval" in name else {}), deadline_at=None)
    await take_request(desk.db, request, desk.presence, desk.now(), desk.rules)
    command = await command_queue.find(desk.db, request.command_id)

    assert command is not None
    assert command.state == "queued"
    assert command.deadline_at == desk.now() + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("name", "args", "told"), [("fly", {}, "fly"), ("set_output", {"output": 17, "on": True}, "output")]
)
async def test_what_no_device_can_do_is_rejected_with_the_reason(
    desk: "Desk", name: str, args: dict[str, object], told: str
) -> None:
    command = await desk.ask(name, **args)

    assert command.state == "rejected"
    assert told in (command.reason or "")


async def test_a_request_that_comes_past_its_deadline_expires(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=-1)

    assert (command.state, command.reason) == ("expired", "too_late")


async def test_a_command_that_shall_not_wait_expires_at_once_behind_another_of_an_absent_device(desk: "Desk") -> None:
    first = await desk.ask()
    second = await desk.ask("set_immobiliser", engaged=True, queue="never")

    assert first.state == "queued"
    assert (second.state, second.reason) == ("expired", "offline")


async def test_a_queued_command_is_cancelled(desk: "Desk") -> None:
    command = await desk.ask()
    await desk.cancel(command)

    assert (command.state, command.reason) == ("cancelled", "cancelled by test")
    desk.link()
    assert await desk.dispatch() is None


async def test_a_cancelled_command_that_was_tried_before_is_not_sent_again_and_not_called_cancelled(
    desk: "Desk",
) -> None:
    desk.link()
    command = await desk.ask()
    await desk.written()
    await desk.later(31)
    assert (command.state, command.tries) == ("queued", 1)
    await desk.cancel(command)

    assert (command.state, command.reason) == ("unknown", "cancelled by test")
    await desk.later(60)
    assert await desk.dispatch() is None


async def test_a_cancellation_after_the_write_is_refused_truthfully_and_once(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart")
    downlink = await desk.written()
    revision = command.revision
    await desk.cancel(command)
    await desk.cancel(command)
    assert (command.state, command.reason) == ("written", "cancel_too_late")
    assert command.revision == revision + 1
    await desk.tell(desk.reply(downlink))

    assert command.state == "acknowledged"


async def test_a_dispatch_that_is_cancelled_is_asked_back_and_ends_as_the_listener_says(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart")
    downlink = await desk.sent()
    await desk.cancel(command)
    (recall,) = desk.recalls()
    assert (recall.action, recall.attempt, recall.listener_id) == ("recall", 1, downlink.listener_id)
    assert (command.state, command.reason) == ("dispatched", "cancel_requested")
    await desk.tell(desk.report(downlink, "refused", "recalled"))

    assert (command.state, command.reason) == ("cancelled", "cancelled by test")


async def test_a_dispatch_that_left_before_it_was_asked_back_says_that_it_was_too_late(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    downlink = await desk.sent()
    await desk.cancel(command)
    await desk.tell(desk.report(downlink, "written"))
    assert (command.state, command.reason) == ("written", "cancel_too_late")
    await desk.later(40)

    assert (command.state, command.reason, command.attempt) == ("unknown", "no_answer", 1)


@pytest.mark.parametrize("reason", ["no_such_session", "unwritable", "link_closed"])
async def test_a_cancelled_dispatch_that_was_refused_is_not_sent_again(desk: "Desk", reason: str) -> None:
    desk.link()
    command = await desk.ask()
    downlink = await desk.sent()
    await desk.cancel(command)
    await desk.tell(desk.report(downlink, "refused", reason))
    desk.link()

    assert command.state == "cancelled"
    assert await desk.dispatch() is None


async def test_a_cancelled_command_whose_listener_died_is_unknown_and_not_tried_again(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=600)
    await desk.sent()
    await desk.cancel(command)
    desk.link()
    await desk.later(700)

    assert (command.state, command.attempt) == ("unknown", 1)


async def test_a_cancellation_of_a_finished_command_changes_nothing(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.tell(desk.reply(await desk.written()))
    revision = command.revision
    await desk.cancel(command)

    assert (command.state, command.revision) == ("acknowledged", revision)


async def test_a_cancellation_of_a_command_that_nobody_knows_changes_nothing(desk: "Desk") -> None:
    await take_request(desk.db, desk.cancellation("nothing"), desk.presence, desk.now(), desk.rules)

    assert await command_queue.find(desk.db, "nothing") is None


async def test_a_queue_takes_so_many_commands_and_no_more(desk: "Desk") -> None:
    desk.rules = replace(desk.rules, max_queued=2)
    states = [(await desk.ask()).state for _ in range(3)]
    last = await desk.ask()

    assert states == ["queued", "queued", "rejected"]
    assert last.reason == "too_many_queued"


async def test_an_actuating_command_cannot_wait_for_hours(desk: "Desk") -> None:
    command = await desk.ask("restart", deadline_s=3601)
    other = await desk.ask(deadline_s=3601)

    assert (command.state, command.reason) == ("rejected", "deadline_too_long")
    assert other.state == "queued"


async def test_a_clock_ahead_of_ours_makes_no_command_wait_longer_than_was_meant(desk: "Desk") -> None:
    request = desk.request("restart", deadline_s=60)
    ahead = structs.replace(
        request,
        requested_at=request.requested_at + timedelta(hours=1),
        deadline_at=desk.now() + timedelta(hours=1, seconds=60),
    )
    await take_request(desk.db, ahead, desk.presence, desk.now(), desk.rules)
    command = await command_queue.find(desk.db, request.command_id)

    assert command is not None
    assert command.deadline_at == desk.now() + timedelta(seconds=60)
