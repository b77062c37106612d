"""What listeners say of a dispatch, in every order in which it can come."""

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk

IMMOBILISE: dict[str, Any] = {"name": "set_immobiliser", "engaged": True}


@pytest.mark.parametrize("reason", ["no_such_session", "stale_generation"])
async def test_a_refusal_of_the_link_waits_for_the_next_one_and_goes_over_it_at_once(desk: "Desk", reason: str) -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    await desk.tell(desk.report(await desk.sent(), "refused", reason))
    assert (command.state, command.reason) == ("queued", reason)
    await desk.later(30)
    assert await desk.dispatch() is None
    session = desk.link()
    second = await desk.sent()

    assert (second.attempt, second.session_id) == (2, session.session_id)


async def test_a_refusal_of_an_older_link_leaves_the_newer_one(desk: "Desk") -> None:
    desk.link()
    await desk.ask()
    first = await desk.sent()
    session = desk.link()
    await desk.tell(desk.report(first, "refused", "stale_generation"))

    assert (await desk.sent()).session_id == session.session_id


async def test_a_link_that_is_full_is_tried_again_a_little_later(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    await desk.tell(desk.report(await desk.sent(), "refused", "unwritable"))
    assert await desk.dispatch() is None
    await desk.later(1)

    assert (await desk.sent()).attempt == 2
    assert command.tries == 0


async def test_a_link_that_is_full_until_the_deadline_ends_the_command_without_a_flood_of_tries(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=0.5, **IMMOBILISE)
    await desk.tell(desk.report(await desk.sent(), "refused", "unwritable"))
    assert await desk.dispatch() is None
    await desk.later(0.5)

    assert (command.state, command.reason, command.attempt) == ("expired", "unwritable", 1)


async def test_a_refusal_does_not_count_as_a_try(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=3600)
    for _ in range(5):
        await desk.tell(desk.report(await desk.sent(), "refused", "unwritable"))
        await desk.later(1)
    await desk.written()
    await desk.later(31)

    assert (command.state, command.tries) == ("queued", 1)


async def test_too_late_at_the_listener_is_expired(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    await desk.tell(desk.report(await desk.sent(), "refused", "too_late"))

    assert (command.state, command.reason) == ("expired", "too_late")


async def test_too_late_after_an_earlier_try_is_not_called_expired(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.written()
    await desk.later(36)
    await desk.tell(desk.report(await desk.sent(), "refused", "too_late"))

    assert command.state == "unknown"


async def test_a_refusal_ends_what_shall_not_wait(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(queue="never")
    await desk.tell(desk.report(await desk.sent(), "refused", "no_such_session"))

    assert (command.state, command.reason) == ("expired", "offline")


async def test_a_refusal_that_comes_after_the_judgement_proves_that_nothing_left(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    await desk.later(91)
    assert (command.state, command.reason) == ("unknown", "listener_silent")
    await desk.tell(desk.report(downlink, "refused", "too_late"))

    assert (command.state, command.reason) == ("expired", "too_late")


async def test_a_write_that_is_told_after_the_judgement_keeps_its_bytes_and_its_answer(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    await desk.later(91)
    await desk.tell(desk.report(downlink, "written"))
    assert (command.state, command.written) == ("unknown", downlink.payload)
    await desk.tell(desk.report(downlink, "refused", "no_such_session"))
    assert command.state == "unknown"
    await desk.tell(desk.reply(downlink))

    assert (command.state, command.reason) == ("acknowledged", "late")


async def test_words_about_another_attempt_or_command_change_nothing(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    first = await desk.sent()
    await desk.tell(desk.report(first, "refused", "unwritable"))
    await desk.later(1)
    await desk.sent()
    revision = command.revision
    for outcome in ("written", "refused"):
        await desk.tell(desk.report(first, outcome))
        await desk.tell(structs.replace(desk.report(first, outcome), command_id="of nobody"))

    assert (command.state, command.revision, command.attempt) == ("dispatched", revision, 2)
