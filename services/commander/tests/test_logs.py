"""Lines about a command name it by the same keys as those of every other process."""

import asyncio
from typing import TYPE_CHECKING

import pytest
import structlog

from vt600_bus import Delivery
from vt600_bus.topics import SESSIONS
from vt600_commander.presence import Presence

if TYPE_CHECKING:
    from conftest import Bench


@pytest.mark.servers
async def test_every_change_of_a_command_names_command_attempt_device_and_link(bench: "Bench") -> None:
    with structlog.testing.capture_logs() as lines:
        session = await bench.link()
        command_id = await bench.ask()
        await bench.tell(bench.report(await bench.next_downlink(), "written"))
        async with asyncio.timeout(30):
            while len(told := [line for line in lines if line["event"] == "command.changed"]) < 3:
                await asyncio.sleep(0.01)

    assert [(line["state"], line["attempt"]) for line in told] == [("queued", 0), ("dispatched", 1), ("written", 1)]
    assert {(line["command_id"], line["device_id"]) for line in told} == {(command_id, bench.device_id)}
    assert told[-1]["session_id"] == session.session_id


def test_a_link_s_record_that_cannot_be_read_is_named_by_device_and_link() -> None:
    with structlog.testing.capture_logs() as lines:
        Presence().handle([Delivery(SESSIONS, 0, 5, "7", b'{"device_id":"7","session_id":"s"}')], live=True)

    assert lines[0].items() >= {"device_id": "7", "session_id": "s", "topic": SESSIONS.name, "offset": 5}.items()
