"""What users of other systems complain of; each failure is a test that proves its absence.

Two more are where their parts are: `test_sent_twice_after_a_commander_crash` kills the process, and
`test_success_answered_though_the_socket_is_dead` of the listener closes the socket.
"""

from typing import TYPE_CHECKING, Any

import pytest

from vt600_commander import command_queue
from vt600_commander.forgetting import forget

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench, Desk

IMMOBILISE: dict[str, Any] = {"name": "set_immobiliser", "engaged": True}
HOUR_S = 3600.0


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_queue_stuck_when_the_reply_is_faster_than_the_write_report(desk: "Desk", dialect: str) -> None:
    desk.link(dialect)
    first, second = await desk.ask(**IMMOBILISE), await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    written = desk.report(downlink, "written")
    desk.seconds += 0.01
    await desk.tell(desk.reply(downlink))
    await desk.tell(written)

    assert (first.state, first.reply, first.written) == ("acknowledged", b"reply", downlink.payload)
    assert (await desk.sent()).command_id == second.command_id


async def test_timeout_state_kept_after_restart_though_the_reply_came(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("restart", deadline_s=2)
    downlink = await bench.next_downlink()
    await bench.tell(bench.report(downlink, "written"))
    await bench.status(command_id, "unknown")
    await bench.stop()
    await bench.tell(bench.reply(downlink))
    bench.start()
    status = await bench.status(command_id, "acknowledged")

    assert (status.reason, status.reply) == ("late", b"reply")
    assert bench.states(command_id)[-2:] == ["unknown", "acknowledged"]


async def test_delivered_for_a_device_that_is_offline(desk: "Desk") -> None:
    without_link = await desk.ask(**IMMOBILISE)
    assert await desk.dispatch() is None
    await desk.later(60)
    desk.link()
    with_dead_link = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    assert with_dead_link.state == "dispatched"
    await desk.tell(desk.report(downlink, "refused", "no_such_session"))
    assert await desk.dispatch() is None
    await desk.later(60)

    for command in (without_link, with_dead_link):
        assert (command.state, command.written, command.tries) == ("expired", None, 0)


@pytest.mark.parametrize("reason", ["no_such_session", "stale_generation", "link_closed"])
async def test_lost_after_reconnect_to_another_listener(desk: "Desk", reason: str) -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    first = await desk.sent()
    desk.listener_id = "another"
    session = desk.link()
    assert await desk.dispatch() is None  # the first listener may have written it
    await desk.tell(desk.report(first, "refused", reason))
    second = await desk.written()
    await desk.tell(desk.reply(second))

    assert (second.listener_id, second.session_id, second.attempt) == ("another", session.session_id, 2)
    assert command.state == "acknowledged"


async def test_queue_row_deleted_before_the_write(desk: "Desk") -> None:
    command = await desk.ask(deadline_s=HOUR_S, **IMMOBILISE)
    for _ in range(2):
        desk.link()
        downlink = await desk.sent()
        await forget(desk.db, command.deadline_at.replace(year=9999))
        assert await command_queue.waiting(desk.db, desk.device_id) == 1
        await desk.tell(desk.report(downlink, "refused", "link_closed"))  # the listener died, or the link did
        assert await command_queue.waiting(desk.db, desk.device_id) == 1
    desk.link()
    downlink = await desk.written()
    assert await command_queue.waiting(desk.db, desk.device_id) == 1
    await desk.tell(desk.reply(downlink))

    assert command.state == "acknowledged"
    assert await command_queue.waiting(desk.db, desk.device_id) == 0


@pytest.mark.parametrize("closing_is_told", [True, False])
async def test_success_answered_though_the_socket_is_dead(desk: "Desk", *, closing_is_told: bool) -> None:
    session = desk.link()
    command = await desk.ask(**IMMOBILISE)
    await desk.written()
    if closing_is_told:
        desk.presence.forget(desk.device_id, session.session_id)
    await desk.later(HOUR_S)

    assert (command.state, command.reason, command.reply) == ("unknown", "no_answer", None)


@pytest.mark.parametrize("sent_before", [False, True])
@pytest.mark.parametrize("commander_was_away", [False, True])
async def test_actuating_command_fired_after_hours_offline(
    desk: "Desk", *, sent_before: bool, commander_was_away: bool
) -> None:
    if sent_before:
        desk.link()
    command = await desk.ask(**IMMOBILISE)
    if sent_before:  # into a link that the device has left already
        downlink = await desk.sent()
        await desk.later(30)
        await desk.tell(desk.report(downlink, "refused", "link_closed"))
    assert command.state == "queued"
    if commander_was_away:
        desk.seconds += 4 * HOUR_S
    else:
        await desk.later(4 * HOUR_S)
        assert await command_queue.waiting(desk.db, desk.device_id) == 0
    desk.link()
    assert await desk.dispatch() is None

    assert (command.state, command.written) == ("expired", None)
