"""The whole way of a command, with the test as listener and device."""

from typing import TYPE_CHECKING

import asyncpg
import pytest
from msgspec import structs

from vt600_bus import encode
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_protocol import CommandFrame, SetOutput, decode_datagram

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench


async def test_a_command_is_dispatched_written_and_acknowledged_with_its_reply(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("set_output", output=2, on=True)
    downlink = await bench.next_downlink()
    (frame,) = decode_datagram(downlink.payload, "device").messages
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.reply(downlink))
    status = await bench.status(command_id, "acknowledged")

    assert isinstance(frame, CommandFrame)
    assert frame.command == SetOutput(output=2, on=True)
    assert bench.states(command_id) == ["queued", "dispatched", "written", "acknowledged"]
    assert (status.written, status.reply, status.reply_text) == (downlink.payload, b"reply", "1,2,3")


async def test_the_devices_no_is_a_failure_with_its_reason(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask()
    downlink = await bench.next_downlink()
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.reply(downlink, ok=False))

    assert (await bench.status(command_id, "failed")).reason == "Failed"


async def test_a_command_waits_for_the_link(bench: "Bench") -> None:
    command_id = await bench.ask()
    await bench.status(command_id, "queued")
    session = await bench.link("ascii")
    downlink = await bench.next_downlink()

    assert downlink.session_id == session.session_id
    assert downlink.generation == session.generation


async def test_without_a_link_it_expires_at_its_deadline_and_nothing_is_dispatched(bench: "Bench") -> None:
    command_id = await bench.ask(deadline_s=0.5)
    status = await bench.status(command_id, "expired")
    await bench.link()
    other = await bench.ask()
    downlink = await bench.next_downlink()

    assert status.written is None
    assert bench.states(command_id) == ["queued", "expired"]
    assert downlink.command_id == other


async def test_now_or_not_at_all_ends_at_once_without_a_link(bench: "Bench") -> None:
    command_id = await bench.ask(queue="never")

    assert (await bench.status(command_id, "expired")).reason == "offline"


async def test_a_refused_dispatch_goes_to_the_next_link(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("set_output", output=1, on=False)
    first = await bench.next_downlink()
    await bench.tell(bench.report(first, "refused", "no_such_session"))
    session = await bench.link()
    second = await bench.next_downlink(after=1)
    await bench.tell(bench.report(second, "written"))
    await bench.tell(bench.reply(second))
    await bench.status(command_id, "acknowledged")

    assert (second.attempt, second.session_id) == (2, session.session_id)


async def test_an_actuating_command_is_never_dispatched_again_after_silence(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("set_immobiliser", deadline_s=1.5, engaged=True)
    await bench.next_downlink()
    await bench.link()  # a new link, and still not a word about the first dispatch
    status = await bench.status(command_id, "unknown")

    assert status.attempt == 1
    assert len([record for record in bench.downlinks if record.command_id == command_id]) == 1


async def test_an_actuating_command_that_was_written_and_not_answered_is_unknown(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("restart", deadline_s=2)
    downlink = await bench.next_downlink()
    await bench.tell(bench.report(downlink, "written"))
    await bench.status(command_id, "unknown")
    await bench.tell(bench.reply(downlink))
    late = await bench.status(command_id, "acknowledged")

    assert late.reason == "late"
    assert len([record for record in bench.downlinks if record.command_id == command_id]) == 1


async def test_a_query_is_sent_again_when_no_answer_comes(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask()
    first = await bench.next_downlink()
    await bench.tell(bench.report(first, "written"))
    second = await bench.next_downlink(after=1)
    await bench.tell(bench.report(second, "written"))
    await bench.tell(bench.reply(second))
    await bench.status(command_id, "acknowledged")

    assert (first.attempt, second.attempt) == (1, 2)


async def test_commands_of_a_device_go_one_after_the_other(bench: "Bench") -> None:
    await bench.link()
    first, second = await bench.ask(), await bench.ask("request_position")
    downlink = await bench.next_downlink()
    await bench.status(second, "queued")
    assert [record.command_id for record in bench.downlinks] == [first]
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.reply(downlink))

    assert (await bench.next_downlink(after=1)).command_id == second


async def test_an_ascii_reply_must_carry_the_packet_number(bench: "Bench") -> None:
    await bench.link("ascii")
    command_id = await bench.ask()
    downlink = await bench.next_downlink()
    assert downlink.packet_no is not None
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.reply(downlink, packet_no="~" if downlink.packet_no != "~" else "A"))
    await bench.tell(bench.reply(downlink))
    await bench.status(command_id, "acknowledged")

    assert bench.states(command_id).count("acknowledged") == 1


async def test_what_the_dialect_cannot_say_is_rejected(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("set_interval", interval_s=15)

    assert "multiple of 10" in ((await bench.status(command_id, "rejected")).reason or "")


async def test_a_command_is_cancelled_only_before_its_bytes_may_have_left(bench: "Bench") -> None:
    waiting = await bench.ask()
    await bench.cancel(waiting)
    await bench.status(waiting, "cancelled")
    await bench.link()
    under_way = await bench.ask("restart")
    downlink = await bench.next_downlink()
    await bench.cancel(under_way)
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.reply(downlink))
    await bench.status(under_way, "acknowledged")

    assert any(status.reason == "cancel_too_late" for status in bench.statuses if status.command_id == under_way)


async def test_invariant_2_a_command_leaves_the_queue_only_on_a_final_state(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask()
    downlink = await bench.next_downlink()
    await bench.tell(bench.report(downlink, "written"))
    await bench.status(command_id, "written")

    assert await sql(bench, "SELECT check_at IS NOT NULL FROM commander.queued_commands")
    await bench.tell(bench.reply(downlink))
    await bench.status(command_id, "acknowledged")
    assert not await sql(bench, "SELECT check_at IS NOT NULL FROM commander.queued_commands")


async def test_a_dispatch_that_was_committed_and_not_published_goes_out_after_a_restart(bench: "Bench") -> None:
    await bench.link()
    command_id = await bench.ask("restart")
    first = await bench.next_downlink()
    await bench.stop()
    await sql(bench, "UPDATE commander.queued_commands SET published_attempt = 0 RETURNING 1")  # as if it had died
    bench.start()
    again = await bench.next_downlink(after=1)
    await bench.tell(bench.report(again, "written"))
    await bench.tell(bench.reply(again))
    await bench.status(command_id, "acknowledged")

    assert again == first  # the same attempt for the same link: the listener carries it out once


async def test_a_status_that_was_committed_and_not_published_goes_out_after_a_restart(bench: "Bench") -> None:
    command_id = await bench.ask()
    queued = await bench.status(command_id, "queued")
    await bench.stop()
    lost = structs.replace(queued, revision=2, reason="kept")
    insert = "INSERT INTO commander.status_outbox (command_id, created_at, record) VALUES ($1, now(), $2) RETURNING 1"
    await sql(bench, insert, command_id, encode(lost))
    bench.start()
    await bench.cancel(command_id)
    await bench.status(command_id, "cancelled")
    await bench.stop()

    assert lost in bench.statuses
    assert await sql(bench, "SELECT count(*) FROM commander.status_outbox") == 0


async def test_a_request_that_comes_twice_is_one_command(bench: "Bench") -> None:
    await bench.link()
    request = bench.request("restart")
    for _ in range(2):
        await bench.publisher.publish(COMMAND_REQUESTS, bench.device_id, request)
    downlink = await bench.next_downlink()
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.report(downlink, "written"))
    await bench.tell(bench.report(downlink, "refused", "no_such_session"))  # nobody who wrote can say so
    await bench.tell(bench.reply(downlink))
    await bench.status(request.command_id, "acknowledged")

    assert bench.states(request.command_id) == ["queued", "dispatched", "written", "acknowledged"]
    assert len(bench.downlinks) == 1


async def sql(bench: "Bench", statement: str, *values: object) -> object:
    """The first value that the statement gives."""
    connection = await asyncpg.connect(bench.settings.database_url.get_secret_value())
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()
