"""Frames of many devices, and what is in a store."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import asyncpg
from msgspec import structs

from vt600_bus.records import Uplink

TABLES = ("reports", "frames", "latest_positions", "devices", "trip_work", "rejects")

Tables = dict[str, list[tuple[Any, ...]]]


async def contents(store: asyncpg.Connection) -> Tables:
    """Every row."""
    return {
        table: sorted((tuple(row) for row in await store.fetch(f"SELECT * FROM fleet.{table}")), key=repr)  # noqa: S608
        for table in TABLES
    }


async def count(store: asyncpg.Connection, table: str, condition: str = "true") -> int:
    found: int = await store.fetchval(f"SELECT count(*) FROM fleet.{table} WHERE {condition}")  # noqa: S608
    return found


def of(uplink: Uplink, device_id: str, peer: str | None = None) -> Uplink:
    """The same from another device."""
    frame_id = blake2b(f"{device_id}{uplink.frame_id}".encode(), digest_size=16).hexdigest()
    return structs.replace(uplink, device_id=device_id, frame_id=frame_id, peer=peer or uplink.peer)


def scan(uplink: Uplink, ids: int, peer: str = "198.51.100.66:{port}") -> Iterator[Uplink]:
    """A frame of each of many devices."""
    return (of(uplink, f"s{number}", peer.format(port=number % 60_000, number=number)) for number in range(ids))
