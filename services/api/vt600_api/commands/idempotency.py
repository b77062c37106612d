"""Idempotency keys: the same key asks for the same thing once, whatever breaks in between and whichever process is asked.

A key is claimed, with the id of what it will make, in a transaction of its own before anything is done. Whoever repeats it, also after
the claimant died, works with that same id, which the commander carries out once.
"""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import Update, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_api.commands.models import IdempotencyKey as Row
from vt600_api.errors import DATABASE_ERRORS, ApiError

KEPT = timedelta(days=1)
_LEASE = timedelta(seconds=60)  # longer than a request may take; who claims and dies is followed after it
_FORGOTTEN_AT_ONCE = 100

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[ -~]+$",
        description="Any text of your own, kept for a day: repeating a request with its key never does it twice.",
    ),
]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request makes. `repeated`: it was made before, and there is nothing left to do."""

    resource_id: str
    repeated: bool = False
    caller: str = ""
    key: str | None = None

    async def done(self, db: AsyncSession) -> None:
        """Keep the key: the thing is made."""
        if self.key is not None:
            await db.execute(_of(self).values(done_at=func.now()))


def _fingerprint(path: str, body: BaseModel) -> bytes:
    """The same for the same request, however its JSON was written."""
    text = json.dumps(body.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{path}\n{text}".encode()).digest()


@asynccontextmanager
async def claimed(
    sessions: async_sessionmaker[AsyncSession], caller: str, key: str | None, path: str, body: BaseModel
) -> AsyncIterator[Claim]:
    """The right to make the thing, or the news that it was made. A request that fails gives the claim back.

    ApiError `idempotency_key_reused` when the key came with another request, `idempotency_key_in_flight` while that is worked on.
    """
    resource_id = str(uuid.uuid4())
    if key is None:
        yield Claim(resource_id)
        return
    mark = _fingerprint(path, body)
    async with sessions.begin() as db:
        claim = await _claim(db, caller, key, mark, resource_id)
    try:
        yield claim
    except BaseException:
        if not claim.repeated:
            with suppress(*DATABASE_ERRORS):  # the lease ends by itself
                async with sessions.begin() as db:
                    await db.execute(_of(claim).where(Row.done_at.is_(None)).values(claimed_until=func.now()))
        raise


async def _claim(db: AsyncSession, caller: str, key: str, mark: bytes, resource_id: str) -> Claim:
    await _forget_old(db, caller, key)
    fresh = {"fingerprint": mark, "resource_id": resource_id, "claimed_until": func.now() + _LEASE}
    inserted = await db.execute(
        insert(Row)
        .values(caller=caller, key=key, created_at=func.now(), **fresh)
        .on_conflict_do_nothing()
        .returning(Row.resource_id)
    )
    if inserted.scalar_one_or_none() is not None:
        return Claim(resource_id, caller=caller, key=key)
    row = await db.get(Row, (caller, key), with_for_update=True)
    if row is None:  # it was a day old and went at this moment
        return await _claim(db, caller, key, mark, resource_id)
    if row.fingerprint != mark:
        raise ApiError(422, "idempotency_key_reused", "This Idempotency-Key came with another request before.")
    if row.done_at is not None:
        return Claim(row.resource_id, repeated=True)
    taken = await db.execute(
        _of(Claim(row.resource_id, caller=caller, key=key))
        .where(Row.claimed_until <= func.now())
        .values(claimed_until=func.now() + _LEASE)
        .returning(Row.resource_id)
    )
    if taken.scalar_one_or_none() is None:
        raise ApiError(
            409, "idempotency_key_in_flight", "The first request with this Idempotency-Key is still at work."
        )
    return Claim(row.resource_id, caller=caller, key=key)


async def _forget_old(db: AsyncSession, caller: str, key: str) -> None:
    """This key, when it is a day old, and some others."""
    old = Row.created_at < func.now() - KEPT
    await db.execute(delete(Row).where(Row.caller == caller, Row.key == key, old))
    some = select(Row.caller, Row.key).where(old).limit(_FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
    await db.execute(delete(Row).where(tuple_(Row.caller, Row.key).in_(some)))


def _of(claim: Claim) -> Update:
    return update(Row).where(Row.caller == claim.caller, Row.key == claim.key)
