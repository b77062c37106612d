"""The whole way of a command, with the test as listener and device."""

from typing import TYPE_CHECKING

import asyncpg
import pytest

from vt600_protocol import CommandFrame, SetOutput, decode_datagram

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench


async def test_a_command_is_dispatched_written_and_acknowledged_with_its_reply(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "set_output", output=2, on=True)
    downlink = await bench.next_downlink(device_id)
    (frame,) = decode_datagram(downlink.payload, "device").messages
    await bench.report(downlink, "written")
    await bench.reply(downlink)
    status = await bench.status(command_id, "acknowledged")

    assert isinstance(frame, CommandFrame)
    assert frame.command == SetOutput(output=2, on=True)
    assert bench.states(command_id) == ["queued", "dispatched", "written", "acknowledged"]
    assert (status.written, status.reply, status.reply_text) == (downlink.payload, b"reply", "1,2,3")


async def test_the_devices_no_is_a_failure_with_its_reason(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id)
    downlink = await bench.next_downlink(device_id)
    await bench.report(downlink, "written")
    await bench.reply(downlink, ok=False)

    assert (await bench.status(command_id, "failed")).reason == "Failed"


async def test_a_command_waits_for_the_link(bench: "Bench", device_id: str) -> None:
    command_id = await bench.ask(device_id)
    await bench.status(command_id, "queued")
    session = await bench.link(device_id, "ascii")
    downlink = await bench.next_downlink(device_id)

    assert downlink.session_id == session.session_id
    assert downlink.generation == session.generation


async def test_without_a_link_it_expires_at_its_deadline_and_nothing_is_dispatched(
    bench: "Bench", device_id: str
) -> None:
    command_id = await bench.ask(device_id, deadline_s=0.5)
    status = await bench.status(command_id, "expired")
    await bench.link(device_id)
    other = await bench.ask(device_id)
    downlink = await bench.next_downlink(device_id)

    assert status.written is None
    assert bench.states(command_id) == ["queued", "expired"]
    assert downlink.command_id == other


async def test_now_or_not_at_all_ends_at_once_without_a_link(bench: "Bench", device_id: str) -> None:
    command_id = await bench.ask(device_id, queue="never")

    assert (await bench.status(command_id, "expired")).reason == "offline"


async def test_a_refused_dispatch_goes_to_the_next_link(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "set_output", output=1, on=False)
    first = await bench.next_downlink(device_id)
    await bench.report(first, "refused", "no_such_session")
    session = await bench.link(device_id)
    second = await bench.next_downlink(device_id, after=1)
    await bench.report(second, "written")
    await bench.reply(second)
    await bench.status(command_id, "acknowledged")

    assert (second.attempt, second.session_id) == (2, session.session_id)


async def test_an_actuating_command_is_never_dispatched_again_after_silence(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "set_immobiliser", deadline_s=1.5, engaged=True)
    await bench.next_downlink(device_id)
    await bench.link(device_id)  # a new link, and still not a word about the first dispatch
    status = await bench.status(command_id, "unknown")

    assert status.attempt == 1
    assert len([record for record in bench.downlinks if record.command_id == command_id]) == 1


async def test_an_actuating_command_that_was_written_and_not_answered_is_unknown(
    bench: "Bench", device_id: str
) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "restart", deadline_s=2)
    downlink = await bench.next_downlink(device_id)
    await bench.report(downlink, "written")
    await bench.status(command_id, "unknown")
    await bench.reply(downlink)
    late = await bench.status(command_id, "acknowledged")

    assert late.reason == "late"
    assert len([record for record in bench.downlinks if record.command_id == command_id]) == 1


async def test_a_query_is_sent_again_when_no_answer_comes(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id)
    first = await bench.next_downlink(device_id)
    await bench.report(first, "written")
    second = await bench.next_downlink(device_id, after=1)
    await bench.report(second, "written")
    await bench.reply(second)
    await bench.status(command_id, "acknowledged")

    assert (first.attempt, second.attempt) == (1, 2)


async def test_commands_of_a_device_go_one_after_the_other(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    first, second = await bench.ask(device_id), await bench.ask(device_id, "request_position")
    downlink = await bench.next_downlink(device_id)
    await bench.status(second, "queued")
    assert [record.command_id for record in bench.downlinks if record.device_id == device_id] == [first]
    await bench.report(downlink, "written")
    await bench.reply(downlink)

    assert (await bench.next_downlink(device_id, after=1)).command_id == second


async def test_an_ascii_reply_must_carry_the_packet_number(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id, "ascii")
    command_id = await bench.ask(device_id)
    downlink = await bench.next_downlink(device_id)
    assert downlink.packet_no is not None
    await bench.report(downlink, "written")
    await bench.reply(downlink, packet_no="~" if downlink.packet_no != "~" else "A")
    await bench.reply(downlink)
    await bench.status(command_id, "acknowledged")

    assert bench.states(command_id).count("acknowledged") == 1


async def test_what_the_dialect_cannot_say_is_rejected(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "set_interval", interval_s=15)

    assert "multiple of 10" in ((await bench.status(command_id, "rejected")).reason or "")


async def test_a_command_is_cancelled_only_before_its_bytes_may_have_left(bench: "Bench", device_id: str) -> None:
    waiting = await bench.ask(device_id)
    await bench.cancel(device_id, waiting)
    await bench.status(waiting, "cancelled")
    await bench.link(device_id)
    under_way = await bench.ask(device_id, "restart")
    downlink = await bench.next_downlink(device_id)
    await bench.cancel(device_id, under_way)
    await bench.report(downlink, "written")
    await bench.reply(downlink)
    await bench.status(under_way, "acknowledged")

    assert any(status.reason == "cancel_too_late" for status in bench.statuses if status.command_id == under_way)


async def test_invariant_2_a_command_leaves_the_queue_only_on_a_final_state(
    bench: "Bench", device_id: str, database_url: str
) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id)
    downlink = await bench.next_downlink(device_id)
    await bench.report(downlink, "written")
    await bench.status(command_id, "written")

    async def waits() -> bool:
        connection = await asyncpg.connect(database_url)
        try:
            query = "SELECT check_at IS NOT NULL FROM commander.queued_commands WHERE command_id = $1"
            return bool(await connection.fetchval(query, command_id))
        finally:
            await connection.close()

    assert await waits()
    await bench.reply(downlink)
    await bench.status(command_id, "acknowledged")
    assert not await waits()


async def test_a_commander_that_starts_again_goes_on_where_it_was(
    bench: "Bench", device_id: str, database_url: str
) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "restart")
    first = await bench.next_downlink(device_id)
    await bench.stop()
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE commander.queued_commands SET published_attempt = 0")  # as if it had died
    await connection.close()
    bench.start()
    again = await bench.next_downlink(device_id, after=1)
    await bench.report(again, "written")
    await bench.reply(again)
    await bench.status(command_id, "acknowledged")

    assert again == first  # the same attempt for the same link: the listener carries it out once


async def test_a_request_that_comes_twice_is_one_command(bench: "Bench", device_id: str) -> None:
    await bench.link(device_id)
    command_id = await bench.ask(device_id, "restart")
    downlink = await bench.next_downlink(device_id)
    await bench.report(downlink, "written")
    await bench.report(downlink, "written")
    await bench.report(downlink, "refused", "no_such_session")  # a repeated read of an older word changes nothing
    await bench.reply(downlink)
    await bench.status(command_id, "acknowledged")

    assert bench.states(command_id) == ["queued", "dispatched", "written", "acknowledged"]
