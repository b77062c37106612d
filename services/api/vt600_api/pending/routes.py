"""`/v1/pending-devices`: who reports without being registered, and taking many on at once."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BeforeValidator

from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import BoundedDb, CursorText, Db, DeviceWriter, Limit, Reader
from vt600_api.errors import ApiError
from vt600_api.pending import queries
from vt600_api.pending.identity import guess_of, imei_candidate
from vt600_api.pending.lists import CSV_BODY, read_list
from vt600_api.pending.schemas import Adopted, AdoptList, AdoptResult, PendingDevice, PendingPage

router = APIRouter(prefix="/v1/pending-devices", tags=["devices"])


@router.get("", response_model=PendingPage)
async def list_pending(_caller: Reader, db: BoundedDb, cursor: CursorText = None, limit: Limit = 100) -> PendingPage:
    """Pending devices with what helps to tell whose they are."""
    after = read_cursor(cursor, str)[0] if cursor is not None else ""
    rows = await queries.list_pending(db, after=after, limit=limit)
    page = [
        PendingDevice(
            **{name: value for name, value in row.items() if name != "analog_values"},
            imei_candidate=imei_candidate(row["device_id"]),
            guess=guess_of(row["dialect"], row["analog_values"]),
        )
        for row in rows[:limit]
    ]
    return PendingPage(items=page, next_cursor=make_cursor(page[-1].device_id) if len(rows) > limit else None)


@router.post("/adopt", response_model=AdoptResult, openapi_extra=CSV_BODY)
async def adopt_many(
    _caller: DeviceWriter, db: Db, body: Annotated[AdoptList, BeforeValidator(read_list)]
) -> AdoptResult:
    """Take devices on, each with a name if wanted. Their tracks are there from the first frame; all or none are taken on.

    As JSON, or as CSV in UTF-8 with the header `device_id,name`; what is wrong with CSV is told line by line.
    """
    names = {device.device_id: device.name for device in body.devices}
    if len(names) != len(body.devices):
        raise ApiError(422, "device_named_twice", "Each device may be named once.")
    results = await queries.adopt(db, names)
    return AdoptResult(items=[Adopted(device_id=device_id, result=result) for device_id, result in results.items()])
