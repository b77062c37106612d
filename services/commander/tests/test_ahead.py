"""Records of one step: what was read ahead stays true while they are taken one after another."""

from typing import TYPE_CHECKING

import pytest

from vt600_bus.records import CommandRequest, DeliveryReport
from vt600_commander import command_queue
from vt600_commander.ahead import read_ahead
from vt600_commander.intake import take_request
from vt600_commander.outcomes import take_report

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk


async def take(desk: "Desk", *records: CommandRequest | DeliveryReport) -> None:
    """All of them in one step."""
    await read_ahead(desk.db, records, desk.now())
    for record in records:
        if isinstance(record, CommandRequest):
            await take_request(desk.db, record, desk.presence, desk.now(), desk.rules)
        else:
            await take_report(desk.db, record, desk.presence, desk.now(), reply_timeout=desk.rules.reply)
    await desk.db.flush()


async def state_of(desk: "Desk", command_id: str) -> str | None:
    command = await command_queue.find(desk.db, command_id)
    return None if command is None else command.state


async def test_what_is_asked_twice_and_taken_back_at_once_is_one_command_that_is_cancelled(desk: "Desk") -> None:
    request = desk.request("identify")
    await take(desk, request, request, desk.cancellation(request.command_id))

    assert await state_of(desk, request.command_id) == "cancelled"
    assert await command_queue.waiting(desk.db, desk.device_id) == 0


async def test_a_queue_is_full_at_its_limit_and_takes_more_as_soon_as_something_ended(desk: "Desk") -> None:
    requests = [desk.request("identify") for _ in range(desk.rules.max_queued + 1)]
    await take(desk, *requests)
    states = [await state_of(desk, request.command_id) for request in requests]
    more = desk.request("identify")
    await take(desk, desk.cancellation(requests[0].command_id), more)

    assert states == ["queued"] * desk.rules.max_queued + ["rejected"]
    assert await state_of(desk, more.command_id) == "queued"


async def test_a_write_and_its_answer_in_one_step_settle_the_command_once(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    downlink = await desk.sent()
    reply = desk.reply(downlink)
    await take(desk, desk.report(downlink, "written"), reply, reply)

    assert (command.state, command.reply, command.revision) == ("acknowledged", b"reply", 4)


async def test_each_device_has_its_own_next_command_in_the_order_in_which_they_were_asked_for(desk: "Desk") -> None:
    desk.link("ascii")
    requests = [desk.request("identify") for _ in range(3)]
    await take(desk, *requests)
    sent = []
    for _ in requests:
        sent.append(await desk.sent())
        await take(desk, desk.report(sent[-1], "written"), desk.reply(sent[-1]))

    assert [downlink.command_id for downlink in sent] == [request.command_id for request in requests]
    assert [downlink.packet_no for downlink in sent] == [":", ";", "<"]
