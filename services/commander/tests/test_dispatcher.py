"""What goes out, when, and to whom."""

from typing import TYPE_CHECKING

import pytest

from vt600_commander.dispatcher import packet_no_after

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk


def test_packet_numbers_run_through_all_that_the_dialect_allows() -> None:
    numbers = [packet_no_after(None)]
    while len(numbers) < 69:
        numbers.append(packet_no_after(numbers[-1]))

    assert numbers == [chr(code) for code in range(0x3A, 0x7F)]
    assert packet_no_after(numbers[-1]) == numbers[0]


async def test_each_dispatch_to_an_ascii_device_has_the_next_packet_number(desk: "Desk") -> None:
    desk.link("ascii")
    used = []
    for _ in range(3):
        await desk.ask()
        desk.seconds += 1
        downlink = await desk.written()
        used.append(downlink.packet_no)
        assert f"$${downlink.packet_no}".encode() == downlink.payload[:3]
        await desk.tell(desk.reply(downlink))

    assert used == [":", ";", "<"]


async def test_a_device_has_one_command_at_a_time_in_the_order_of_their_coming(desk: "Desk") -> None:
    first = await desk.ask()
    desk.seconds -= 5  # another client's clock
    second = await desk.ask("request_position")
    desk.seconds += 5
    desk.link()
    downlink = await desk.written()
    assert await desk.dispatch() is None
    await desk.tell(desk.reply(downlink))

    assert downlink.command_id == first.command_id
    assert (await desk.sent()).command_id == second.command_id


async def test_a_device_gets_as_many_outputs_as_it_takes(desk: "Desk") -> None:
    await desk.ask("set_output", output=1, on=True, output_bytes=1)
    unable = await desk.ask("set_output", output=2, on=True, output_bytes=1)
    desk.link()
    first = await desk.written()
    await desk.tell(desk.reply(first))
    await desk.dispatch()

    assert first.payload[13:-4] == b"\x01"
    assert (unable.state, unable.reason) == ("rejected", "output is from 1 to 1 for this device")


async def test_nothing_is_dispatched_past_its_deadline_and_the_next_one_goes(desk: "Desk") -> None:
    late = await desk.ask(deadline_s=5)
    good = await desk.ask(deadline_s=60)
    desk.seconds += 5
    desk.link()

    assert (await desk.sent()).command_id == good.command_id
    assert (late.state, late.reason) == ("expired", "no_link_in_time")


async def test_what_the_dialect_cannot_say_is_rejected_and_the_next_one_goes(desk: "Desk") -> None:
    desk.link()
    bad = await desk.ask("set_interval", interval_s=15)
    good = await desk.ask("set_interval", interval_s=20)

    assert (await desk.sent()).command_id == good.command_id
    assert bad.state == "rejected"
    assert "multiple of 10" in (bad.reason or "")


async def test_a_setting_that_was_written_is_not_called_rejected_when_the_next_link_cannot_say_it(desk: "Desk") -> None:
    desk.link("ascii")
    command = await desk.ask("set_interval", interval_s=15)
    await desk.written()
    desk.link("binary")
    await desk.later(36)

    assert await desk.dispatch() is None
    assert command.state == "unknown"


async def test_a_command_that_shall_not_wait_goes_over_the_link_that_was_open_when_it_came_or_not_at_all(
    desk: "Desk",
) -> None:
    desk.link()
    first = await desk.ask()
    second = await desk.ask("restart", queue="never")
    downlink = await desk.written()
    desk.link()
    await desk.tell(desk.reply(downlink))

    assert first.state == "acknowledged"
    assert await desk.dispatch() is None
    assert (second.state, second.reason) == ("expired", "offline")


async def test_a_command_that_shall_not_wait_goes_over_its_link(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(queue="never")

    assert (await desk.sent()).command_id == command.command_id


async def test_a_command_for_a_listener_that_stopped_renewing_waits(desk: "Desk") -> None:
    desk.link()
    desk.hear(desk.listener(lease_s=10))
    command = await desk.ask()
    desk.seconds += 10
    assert await desk.dispatch() is None
    assert command.state == "queued"
    desk.hear(desk.listener(lease_s=10))

    assert (await desk.sent()).command_id == command.command_id


async def test_safety_goes_before_what_came_earlier_and_in_its_own_order(desk: "Desk") -> None:
    names = ["identify", "set_interval", "set_immobiliser", "restart", "set_output"]
    args: dict[str, dict[str, object]] = {
        "set_interval": {"interval_s": 60},
        "set_immobiliser": {"engaged": True},
        "set_output": {"output": 2, "on": True},
    }
    asked = {(await desk.ask(name, **args.get(name, {}))).command_id: name for name in names}
    desk.link()
    sent = []
    for _ in names:
        desk.seconds += 1
        downlink = await desk.written()
        sent.append(asked[downlink.command_id])
        await desk.tell(desk.reply(downlink))

    assert sent == ["set_immobiliser", "set_output", "identify", "set_interval", "restart"]


async def test_safety_waits_only_shortly_for_a_command_that_is_not_answered(desk: "Desk") -> None:
    desk.link()
    silent = await desk.ask()
    await desk.written()
    urgent = await desk.ask("set_immobiliser", engaged=True)
    assert await desk.dispatch() is None
    await desk.later(desk.rules.overtake.total_seconds())
    downlink = await desk.written()
    await desk.tell(desk.reply(downlink))

    assert (downlink.command_id, urgent.state, silent.state) == (urgent.command_id, "acknowledged", "written")


async def test_nothing_but_safety_goes_past_a_silent_command(desk: "Desk") -> None:
    desk.link()
    silent = await desk.ask("restart")
    await desk.written()
    await desk.ask()
    await desk.later(59)

    assert await desk.dispatch() is None
    assert silent.state == "written"


async def test_of_one_reply_code_only_one_command_is_open(desk: "Desk") -> None:
    desk.link()
    first = await desk.ask("set_output", output=2, on=True)
    second = await desk.ask("set_output", output=2, on=False)
    downlink = await desk.written()
    await desk.later(50)
    assert await desk.dispatch() is None
    await desk.tell(desk.reply(downlink))

    assert first.state == "acknowledged"
    assert (await desk.sent()).command_id == second.command_id


async def test_every_attempt_is_dispatched_for_an_open_window_and_says_how_urgent_it_is(desk: "Desk") -> None:
    desk.link()
    await desk.ask("set_immobiliser", engaged=True)
    urgent = await desk.written()
    await desk.tell(desk.reply(urgent))
    await desk.ask()

    assert (urgent.open_window, urgent.priority, urgent.dispatched_at) == (True, 0, desk.now())
    assert (await desk.sent()).priority == 1
