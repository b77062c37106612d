"""What the clock does."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk

ACTUATING = ["restart", "set_output", "set_immobiliser"]
ARGS: dict[str, dict[str, object]] = {
    "set_output": {"output": 2, "on": True},
    "set_immobiliser": {"engaged": True},
    "set_interval": {"interval_s": 60},
}


async def test_without_a_link_a_command_expires_at_its_deadline_and_not_before(desk: "Desk") -> None:
    command = await desk.ask(deadline_s=60)
    await desk.later(59.9)
    assert command.state == "queued"
    await desk.later(0.1)

    assert (command.state, command.reason, command.check_at) == ("expired", "no_link_in_time", None)


@pytest.mark.parametrize("name", ACTUATING)
async def test_an_actuating_command_is_never_dispatched_again_after_silence(desk: "Desk", name: str) -> None:
    desk.link()
    command = await desk.ask(name, deadline_s=3600, **ARGS.get(name, {}))
    await desk.sent()
    for _ in range(40):
        await desk.later(100)
        desk.link()
        assert await desk.dispatch() is None

    assert (command.state, command.reason, command.attempt) == ("unknown", "listener_silent", 1)


@pytest.mark.parametrize("name", ACTUATING)
async def test_an_actuating_command_is_never_dispatched_again_after_a_write(desk: "Desk", name: str) -> None:
    desk.link()
    command = await desk.ask(name, deadline_s=3600, **ARGS.get(name, {}))
    await desk.written()
    for _ in range(36):
        await desk.later(100)
        desk.link()
        assert await desk.dispatch() is None

    assert (command.state, command.reason, command.attempt) == ("unknown", "no_answer", 1)


@pytest.mark.parametrize("name", ["identify", "request_position", "set_interval"])
async def test_a_query_or_setting_is_written_three_times_at_most_with_growing_pauses(desk: "Desk", name: str) -> None:
    desk.link()
    command = await desk.ask(name, deadline_s=3600, **ARGS.get(name, {}))
    times = []
    for _ in range(200):
        downlink = await desk.dispatch()
        if downlink is not None:
            times.append(desk.seconds)
            await desk.tell(desk.report(downlink, "written"))
        await desk.later(1)

    assert [round(time - times[0]) for time in times] == [0, 35, 75]
    assert (command.state, command.reason, command.attempt) == ("unknown", "no_answer", 3)


async def test_a_query_goes_out_again_when_its_listener_is_silent(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=3600)
    await desk.sent()
    await desk.later(10)
    desk.link()
    second = await desk.sent()

    assert second.attempt == 2
    assert command.tries == 1


async def test_a_listener_is_not_called_silent_before_the_bus_holds_the_dispatch(desk: "Desk") -> None:
    desk.link()
    desk.bus_is_there = False
    command = await desk.ask(deadline_s=3600)
    await desk.sent()
    await desk.later(300)

    assert (command.state, command.attempt, command.tries) == ("dispatched", 1, 0)


async def test_a_query_whose_listener_was_silent_is_not_called_expired(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=60)
    downlink = await desk.sent()
    await desk.later(10)
    desk.presence.forget(desk.device_id, downlink.session_id)
    assert (command.state, command.tries) == ("queued", 1)
    await desk.later(60)

    assert (command.state, command.reason) == ("unknown", "listener_silent")


async def test_what_was_written_in_the_last_moment_may_still_be_answered(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart", deadline_s=60)
    await desk.later(59.9)
    downlink = await desk.written()
    await desk.later(20)
    assert command.state == "written"
    await desk.tell(desk.reply(downlink))

    assert (command.state, command.reason) == ("acknowledged", None)


async def test_a_report_of_the_last_moment_is_waited_for(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart", deadline_s=60)
    downlink = await desk.sent()
    await desk.later(70)
    assert (command.state, command.reason) == ("dispatched", None)
    await desk.tell(desk.report(downlink, "refused", "too_late"))

    assert (command.state, command.reason) == ("expired", "too_late")


async def test_the_pauses_between_tries_are_a_setting(desk: "Desk") -> None:
    desk.rules = replace(desk.rules, back_off=timedelta(seconds=60), tries=2)
    desk.link()
    command = await desk.ask(deadline_s=3600)
    await desk.written()
    await desk.later(89)
    assert await desk.dispatch() is None
    await desk.later(1)
    await desk.written()
    await desk.later(31)

    assert (command.state, command.attempt) == ("unknown", 2)


async def test_what_a_listener_holds_is_waited_for_until_the_deadline(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(deadline_s=3600)
    downlink = await desk.sent()
    await desk.tell(desk.report(downlink, "held"))
    await desk.later(3000)
    assert (command.state, command.reason, command.attempt) == ("dispatched", "waits_for_uplink", 1)
    await desk.tell(desk.report(downlink, "written"))

    assert command.state == "written"


async def test_what_is_held_on_a_link_that_closed_goes_over_the_next(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart", deadline_s=3600)
    first = await desk.sent()
    await desk.tell(desk.report(first, "held"))
    await desk.later(300)
    await desk.tell(desk.report(first, "refused", "link_closed"))
    assert command.state == "queued"
    session = desk.link()

    assert (await desk.sent()).session_id == session.session_id


async def test_what_is_held_on_a_link_that_the_device_has_left_is_asked_back_before_it_goes_over_the_new_one(
    desk: "Desk",
) -> None:
    desk.link()
    command = await desk.ask("restart", deadline_s=3600)
    first = await desk.sent()
    await desk.tell(desk.report(first, "held"))
    await desk.later(100)
    session = desk.link()
    assert await desk.dispatch() is None
    (recall,) = desk.recalls()
    assert (recall.action, recall.session_id) == ("recall", first.session_id)
    await desk.tell(desk.report(first, "refused", "recalled"))
    second = await desk.sent()

    assert (second.attempt, second.session_id, command.state) == (2, session.session_id, "dispatched")


async def test_an_actuating_command_held_by_a_listener_that_died_is_not_dispatched_again(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("restart", deadline_s=600)
    await desk.tell(desk.report(await desk.sent(), "held"))
    for _ in range(10):
        desk.link()
        assert await desk.dispatch() is None
        await desk.later(100)

    assert (command.state, command.reason, command.attempt) == ("unknown", "listener_silent", 1)


async def test_a_query_held_by_a_listener_that_died_goes_over_the_next_link(desk: "Desk") -> None:
    desk.link()
    await desk.ask(deadline_s=3600)
    await desk.tell(desk.report(await desk.sent(), "held"))
    await desk.later(100)
    session = desk.link()
    assert await desk.dispatch() is None
    await desk.later(11)

    assert (await desk.sent()).session_id == session.session_id
