"""Devices that nobody registered: found, told apart, taken on."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest

from vt600_api.pending.identity import guess_of, imei_candidate

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

CSV = {"content-type": "text/csv"}
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FRAME = {
    "dialect": "binary", "transport": "tcp", "listener_id": "l", "session_id": "s", "generation": 1, "kind": "position",
    "code": "9955", "decoder": "1", "raw": b"$$",
}  # fmt: skip
REPORT = {
    "device_time": NOON, "received_at": NOON, "dialect": "binary", "kind": "position", "fix_valid": True, "late": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("device_id", "imei"),
    [
        ("86217001515178", "862170015151788"),
        ("865429043319537", "865429043319537"),
        ("865429043319538", None),
        ("143190975469", None),
        ("tracker", None),
    ],
)
def test_an_identity_may_be_an_imei(device_id: str, imei: str | None) -> None:
    assert imei_candidate(device_id) == imei


def test_a_way_of_speaking_tells_the_family() -> None:
    assert guess_of("binary", 4) == "iStartek VT600 or VT900"
    assert guess_of("binary", 2) == guess_of("binary", None) == "VT300, VT310 or VT400 family"
    assert guess_of("ascii", None) == "iStartek VT100, VT140, VT200 or PT60 family"
    assert guess_of(None, None) is None


async def test_a_pending_device_is_listed_with_what_it_did(
    served: "Served", device_id: str, add_row: "AddRow", store: asyncpg.Connection
) -> None:
    await store.execute("UPDATE fleet.devices SET pending_frames = 2 WHERE device_id = $1", device_id)
    for second, peer in ((1, "192.0.2.7:1"), (2, "192.0.2.8:2")):
        await add_row(
            "frames", device_id=device_id, received_at=NOON.replace(second=second), peer=peer,
            frame_id=f"{second:032x}", **FRAME,
        )  # fmt: skip
    await add_row(
        "latest_positions", device_id=device_id, frame_id="0" * 32, latitude=22.5, longitude=114.1, fix_time=NOON,
        analog_raw=[0, 0, 1, 2], **REPORT,
    )  # fmt: skip
    client = await served.client()
    found, cursor = [], ""
    while True:
        page = (await client.get(f"/v1/pending-devices?limit=2{cursor}")).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    mine = next(item for item in found if item["device_id"] == device_id)

    assert [item["device_id"] for item in found] == sorted({item["device_id"] for item in found})
    assert (mine["frames"], mine["peer"]) == (2, "192.0.2.8:2")
    assert (mine["latitude"], mine["longitude"]) == (22.5, 114.1)
    assert mine["guess"] in (guess_of(mine["dialect"], 4), None)


async def test_many_are_taken_on_in_one_call(served: "Served", device_id: str, add_row: "AddRow") -> None:
    known, fresh = f"{device_id}a", f"{device_id}b"
    await add_row("devices", device_id=known, state="active", name="old", adopted_at=NOON)
    client = await served.client()
    body = {"devices": [{"device_id": device_id, "name": "bus 7"}, {"device_id": known}, {"device_id": fresh}]}
    answer = await client.post("/v1/pending-devices/adopt", json=body)
    again = await client.post("/v1/pending-devices/adopt", json=body)
    devices = [(await client.get(f"/v1/devices/{one}")).json() for one in (device_id, known, fresh)]

    results = {item["device_id"]: item["result"] for item in answer.json()["items"]}
    assert results == {device_id: "adopted", known: "active", fresh: "registered"}
    assert {item["result"] for item in again.json()["items"]} == {"active"}
    assert [(device["state"], device["name"]) for device in devices] == [
        ("active", "bus 7"),
        ("active", "old"),
        ("active", None),
    ]
    assert devices[1]["adopted_at"] == "2026-05-04T12:00:00Z"


async def test_a_device_named_twice_changes_nothing(served: "Served", device_id: str) -> None:
    client = await served.client()
    body = {"devices": [{"device_id": device_id}, {"device_id": device_id, "name": "other"}]}
    answer = await client.post("/v1/pending-devices/adopt", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "device_named_twice")
    assert (await client.get(f"/v1/devices/{device_id}")).json()["state"] == "pending"


async def test_a_csv_list_takes_on_what_it_names(served: "Served", device_id: str) -> None:
    client = await served.client()
    spreadsheet = f'\ufeffdevice_id, name\r\n{device_id},"bus ""7"", Köln"\r\n,\r\n\r\n{device_id}b,\r\n'.encode()
    answer = await client.post("/v1/pending-devices/adopt", content=spreadsheet, headers=CSV)
    device = (await client.get(f"/v1/devices/{device_id}")).json()

    assert [(item["device_id"], item["result"]) for item in answer.json()["items"]] == [
        (device_id, "adopted"),
        (f"{device_id}b", "registered"),
    ]
    assert (device["state"], device["name"]) == ("active", 'bus "7", Köln')


async def test_one_wrong_line_and_nothing_of_a_csv_list_is_taken_on(served: "Served", device_id: str) -> None:
    client = await served.client()
    lines = [
        "device_id,name", f"{device_id},one", "", 'x,"two\r\nlines"', "no id!,three", "y", f"{device_id},four", f"z,{'n' * 101}"
    ]  # fmt: skip
    answer = await client.post("/v1/pending-devices/adopt", content="\r\n".join(lines), headers=CSV)
    errors = {error["where"]: error["message"] for error in answer.json()["errors"]}

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_csv")
    assert list(errors) == ["line 6", "line 7", "line 8", "line 9"]
    assert errors["line 6"].startswith("device_id: ")
    assert errors["line 7"] == "1 cells, should be 2"
    assert errors["line 8"] == f"{device_id} is in line 2 already"
    assert errors["line 9"].startswith("name: ")
    assert (await client.get(f"/v1/devices/{device_id}")).json()["state"] == "pending"
    assert (await client.get("/v1/devices/x")).status_code == 404


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"{}", "line 1"),
        (b"device_id;name\r\n1;a", "line 1"),
        (b"device_id,name\n1,a\n2,\xe9\n", "line 3"),
        (b'device_id,name\n1,a\n2,"a\n3,b\n', "line 3"),
        (b"device_id,name\n1,a\n2,a\0b\n", "line 3"),
        (b"device_id,name\n", None),
        (b"device_id,name\n" + b"".join(b"%d,\n" % number for number in range(501)), None),
    ],
)
async def test_what_is_no_csv_list_says_where(served: "Served", content: bytes, where: str | None) -> None:
    answer = await (await served.client()).post("/v1/pending-devices/adopt", content=content, headers=CSV)
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (422, "invalid_csv")
    assert [error["where"] for error in problem.get("errors", ())] == ([] if where is None else [where])


async def test_both_kinds_of_lists_are_described(served: "Served") -> None:
    described = (await (await served.client()).get("/openapi.json")).json()
    body = described["paths"]["/v1/pending-devices/adopt"]["post"]["requestBody"]

    assert set(body["content"]) == {"application/json", "text/csv"}
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/AdoptList"}
