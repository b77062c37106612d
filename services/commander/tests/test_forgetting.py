"""What is kept of a command that ended, and for how long."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import func, select

from vt600_commander.forgetting import forget
from vt600_commander.models import Attempt, QueuedCommand

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench, Desk


async def kept(desk: "Desk") -> tuple[int, int]:
    """How many commands and attempts of the device there are."""
    counts = [
        await desk.db.scalar(select(func.count()).select_from(table).where(table.device_id == desk.device_id))
        for table in (QueuedCommand, Attempt)
    ]
    return counts[0] or 0, counts[1] or 0


async def test_a_command_that_ended_goes_with_its_attempts_once_its_deadline_is_old(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.tell(desk.reply(await desk.written()))
    await forget(desk.db, command.deadline_at)
    assert await kept(desk) == (1, 1)
    await forget(desk.db, command.deadline_at + timedelta(seconds=1))

    assert await kept(desk) == (0, 0)


async def test_what_has_not_ended_stays_however_old_it_is(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.written()
    await forget(desk.db, command.deadline_at.replace(year=9999))

    assert await kept(desk) == (1, 1)


async def test_a_sequence_remembers_its_earlier_steps_while_it_goes_on(desk: "Desk") -> None:
    desk.link()
    first, second = await desk.ask(), await desk.ask(deadline_s=3600)
    first.sequence_id = second.sequence_id = f"sequence of {desk.device_id}"
    first.step, second.step = 0, 1
    await desk.tell(desk.reply(await desk.written()))
    await forget(desk.db, first.deadline_at.replace(year=9999))
    assert await kept(desk) == (2, 1)
    desk.seconds += 1
    downlink = await desk.written()
    assert downlink.command_id == second.command_id
    await desk.tell(desk.reply(downlink))
    await forget(desk.db, first.deadline_at.replace(year=9999))

    assert await kept(desk) == (0, 0)


async def test_a_commander_forgets_what_is_old_at_its_start(bench: "Bench") -> None:
    old, new = await bench.ask(deadline_s=0), await bench.ask(deadline_s=0)
    for command_id in (old, new):
        await bench.status(command_id, "expired")
    await bench.stop()
    database = await asyncpg.connect(bench.settings.database_url.get_secret_value())
    try:
        age = "UPDATE commander.queued_commands SET deadline_at = now() - $1::interval WHERE command_id = $2"
        await database.execute(age, timedelta(days=31), old)
        await database.execute(age, timedelta(days=29), new)
        bench.start()
        async with asyncio.timeout(60):
            while await database.fetchval("SELECT count(*) FROM commander.queued_commands") != 1:
                await asyncio.sleep(0.02)

        assert await database.fetchval("SELECT command_id FROM commander.queued_commands") == new
    finally:
        await database.close()
