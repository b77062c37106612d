"""500 trackers and a week of theirs: what they measured, and the frames that they send, some of them twice, some of them late."""

import asyncio
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from vt600_simulator.identity import imei, serial_number
from vt600_simulator.tracker import Record, Tracker

TRACKERS = 500
DAYS = 7
EVERY = timedelta(minutes=10)
_UDP_ONE_IN = 5
_RESENT_SHARE = 0.05
_FAULTY_SHARE = 0.005
_OUTAGE_REPORTS = 50
_FRAMES_AT_ONCE = 40
_LINKS_AT_ONCE = 50


@dataclass(slots=True)
class Unit:
    """A tracker, the frames that it sends in their order, and those that it keeps until `upload_kept`."""

    tracker: Tracker
    frames: list[bytes]
    kept: list[bytes]


def make_unit(number: int) -> Unit:
    """A week of one tracker, on days that are over."""
    chance = random.Random(number)  # noqa: S311 - a simulation
    tracker = Tracker(
        serial_number(number) if number % 2 else imei(number),
        "binary" if number % 2 else "ascii",
        "udp" if number % _UDP_ONE_IN == 0 else "tcp",
        confirmed_mode=chance.random() < 0.5,
        interval_s=EVERY.total_seconds(),
        seed=number,
    )
    start = datetime.now(UTC).replace(hour=0, minute=0, second=number % 60, microsecond=0) - timedelta(days=DAYS + 1)
    records = [_faulty(tracker.make_record(start + at * EVERY, linked=True), chance) for at in range(DAYS * 144)]
    kept = _without_network(records, chance)
    for _ in range(2):  # what was kept comes in the middle of what is new
        at = chance.randrange(len(records) - 200)
        delayed = records[at : at + _OUTAGE_REPORTS]
        del records[at : at + _OUTAGE_REPORTS]
        records[at + 100 : at + 100] = delayed
    for first in sorted(chance.sample(range(len(records)), int(len(records) * _RESENT_SHARE)), reverse=True):
        records.insert(chance.randrange(first, len(records)) + 1, records[first])
    frames = [tracker.frame(record) for record in records]
    if tracker.transport == "udp":
        frames = [frame for frame in frames for _ in range(2)]
    return Unit(tracker, frames, [tracker.frame(record) for record in kept])


def _without_network(records: list[Record], chance: random.Random) -> list[Record]:
    """Some reports in a row that are taken out."""
    at = chance.randrange(len(records) - 200)
    kept = records[at : at + _OUTAGE_REPORTS]
    del records[at : at + _OUTAGE_REPORTS]
    return kept


def _faulty(record: Record, chance: random.Random) -> Record:
    """A clock that lost its mind, now and then."""
    if chance.random() < _FAULTY_SHARE:
        moment = record.report.device_time or datetime.now(UTC)
        year = chance.choice((1999, 2079))
        record.report = replace(record.report, device_time=moment.replace(year=year, month=8, day=22))
    return record


async def send(port: int, units: list[Unit]) -> None:
    """All frames that are not kept."""
    await _upload_all(port, [unit.frames for unit in units if unit.tracker.transport == "tcp"])
    datagrams = _in_bunches([frame for unit in units if unit.tracker.transport == "udp" for frame in unit.frames])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for bunch in datagrams:
            for frame in bunch:
                sender.sendto(frame, ("127.0.0.1", port))
            await asyncio.sleep(0.01)  # datagrams that come faster than they are read are lost
    await asyncio.sleep(1)


async def upload_kept(port: int, units: list[Unit]) -> None:
    """All frames that were kept, over links, whatever the tracker uses otherwise: none is to be lost on the way."""
    await _upload_all(port, [unit.kept for unit in units])


async def _upload_all(port: int, uploads: list[list[bytes]]) -> None:
    for at in range(0, len(uploads), _LINKS_AT_ONCE):
        await asyncio.gather(*(_upload(port, frames) for frames in uploads[at : at + _LINKS_AT_ONCE]))


async def _upload(port: int, frames: list[bytes]) -> None:
    """All frames over one link; answers are read and not looked at; the listener hangs up when it has read all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.create_task(_read_to_end(reader))
    for bunch in _in_bunches(frames):
        writer.write(b"".join(bunch))
        await writer.drain()
    writer.write_eof()
    await reading
    writer.close()
    await writer.wait_closed()


def _in_bunches(frames: list[bytes]) -> Iterator[list[bytes]]:
    for at in range(0, len(frames), _FRAMES_AT_ONCE):
        yield frames[at : at + _FRAMES_AT_ONCE]


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass
