"""Requests at the queue."""

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
    await take_request(desk.db, request, desk.presence, desk.now())
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


@pytest.mark.parametrize("written", [False, True])
async def test_a_cancellation_under_way_is_refused_truthfully_and_once(desk: "Desk", *, written: bool) -> None:
    desk.link()
    command = await desk.ask("restart")
    await (desk.written() if written else desk.sent())
    before, revision = command.state, command.revision
    await desk.cancel(command)
    await desk.cancel(command)

    assert (command.state, command.reason) == (before, "cancel_too_late")
    assert command.revision == revision + 1


async def test_a_cancellation_of_a_finished_command_changes_nothing(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.tell(desk.reply(await desk.written()))
    revision = command.revision
    await desk.cancel(command)

    assert (command.state, command.revision) == ("acknowledged", revision)


async def test_a_cancellation_of_a_command_that_nobody_knows_changes_nothing(desk: "Desk") -> None:
    await take_request(desk.db, desk.cancellation("nothing"), desk.presence, desk.now())

    assert await command_queue.find(desk.db, "nothing") is None
