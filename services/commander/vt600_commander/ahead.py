"""Reads what the records of a step speak of, with one question of each kind instead of some for each record."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandRequest, DeliveryReport
from vt600_commander import attempts, command_queue
from vt600_commander.at_hand import at_hand, let_go
from vt600_commander.reading import Record


async def read_ahead(db: AsyncSession, records: Sequence[Record], now: datetime) -> None:
    """Have at hand whatever these records may ask for. The locks of their devices come first."""
    let_go(db)
    hand = at_hand(db)
    requests = [record for record in records if isinstance(record, CommandRequest)]
    reports = [record for record in records if isinstance(record, DeliveryReport)]
    replies = [report for report in reports if report.outcome == "replied"]
    tries = [(report.command_id, report.attempt) for report in reports if report.command_id and report.attempt]
    hand.answerable = await attempts.of_replies(db, replies, now)
    hand.attempts = await attempts.find_all(db, tries)
    ids = {step.command_id for request in requests for step in request.steps or (request,)}
    ids |= {command_id for command_id, _attempt in tries}
    ids |= {attempt.command_id for found in hand.answerable.values() for attempt in found}
    hand.commands = await command_queue.find_all(db, ids)
    submitting = {request.device_id for request in requests if request.action == "submit"}
    hand.waiting = await command_queue.waiting_of(db, submitting)
