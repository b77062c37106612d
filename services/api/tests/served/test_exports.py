"""Tracks as files: what they hold."""

import asyncio
import csv
import io
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from vt600_api.positions.schemas import Position

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
GPX = "{http://www.topografix.com/GPX/1/1}"
TP = "{http://www.garmin.com/xmlschemas/TrackPointExtension/v2}"
GX = "{http://www.google.com/kml/ext/2.2}"
KML = "{http://www.opengis.net/kml/2.2}"
FULL = {
    "kind": "alarm", "event": "sos", "event_code": 1, "event_data": 'a "b", c', "latitude": -22.5, "longitude": 114.0,
    "speed_kmh": 36.0, "course_deg": 90.5, "altitude_m": -3.0, "hdop": 1.1, "satellites": 9, "odometer_m": 2**40,
    "analog_raw": [1, 2], "ignition": True, "flags": ["x"], "extras": '{"driver": "é"}', "fix_valid": True, "late": False,
}  # fmt: skip
BARE = {"kind": "position", "fix_valid": False, "late": True}


@pytest.fixture
async def path(device_id: str, add_row: "AddRow") -> str:
    """The address of the files of a device with a report that says all, one that says nothing, and a plain fix."""
    fix = {"kind": "position", "fix_valid": True, "late": False, "latitude": 1.0, "longitude": 2.0}
    for number, values in enumerate((FULL, BARE, fix)):
        time = NOON + timedelta(seconds=number)
        place = {"device_id": device_id, "device_time": time, "frame_id": f"{number:032x}", "received_at": NOON}
        await add_row("reports", dialect="ascii", **place, **values)
    return f"/v1/devices/{device_id}/positions/export"


async def read(served: "Served", path: str, **query: Any) -> httpx.Response:
    answer = await (await served.client()).get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["transfer-encoding"] == "chunked"
    return answer


async def test_csv_holds_every_report_and_the_fields_asked_for(served: "Served", path: str) -> None:
    usual = await read(served, path, format="csv")
    every = await read(served, path, format="csv", fields=",".join(Position.model_fields))
    late = await read(served, path, format="csv", fields="late,event_data", late="true")
    lines = list(csv.DictReader(io.StringIO(usual.text, newline="")))
    full, bare, _ = csv.DictReader(io.StringIO(every.text, newline=""))

    assert usual.headers["content-type"] == "text/csv; charset=utf-8"
    assert usual.headers["content-disposition"].startswith('attachment; filename="t')
    assert [line["device_time"] for line in lines] == [f"2026-05-04T12:00:0{second}Z" for second in range(3)]
    assert lines[0]["event_data"] == 'a "b", c'
    assert list(full) == list(Position.model_fields)
    assert (full["frame_id"], full["flags"], full["analog_raw"]) == ("0" * 32, '["x"]', "[1,2]")
    assert (full["fix_valid"], json.loads(full["extras"])) == ("true", {"driver": "é"})
    assert (bare["latitude"], bare["fix_valid"], bare["ignition"], bare["late"]) == ("", "false", "", "true")
    assert late.text == "late,event_data\r\ntrue,\r\n"
    assert (await read(served, path, format="csv", fields="event")).text == 'event\r\nsos\r\n""\r\n""\r\n'


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_text_of_a_device_is_a_formula_in_csv_and_numbers_stay_numbers(
    served: "Served", path: str, store: asyncpg.Connection, sign: str
) -> None:
    device_id = path.split("/")[3]
    said = f'{sign}HYPERLINK("http://192.0.2.1")'
    await store.execute(
        "UPDATE fleet.reports SET event_data = $2 WHERE device_id = $1 AND latitude < 0", device_id, said
    )
    answer = await read(served, path, format="csv", fields="event_data,latitude,altitude_m", to="2026-05-04T12:00:01Z")
    (line,) = csv.DictReader(io.StringIO(answer.text, newline=""))

    assert line == {"event_data": f"'{said}", "latitude": "-22.5", "altitude_m": "-3.0"}


async def test_geojson_is_a_collection_of_points(served: "Served", path: str) -> None:
    usual = (await read(served, path, format="geojson")).json()
    chosen = (await read(served, path, format="geojson", fields="frame_id,extras,flags,received_at")).json()
    none = (await read(served, path, format="geojson", **{"from": "2030-01-01T00:00:00Z"})).json()

    assert [feature["geometry"] for feature in usual["features"]] == [
        {"type": "Point", "coordinates": [114.0, -22.5, -3.0]},
        None,
        {"type": "Point", "coordinates": [2.0, 1.0]},
    ]
    assert usual["features"][0]["properties"]["device_time"] == "2026-05-04T12:00:00Z"
    assert usual["features"][0]["properties"]["odometer_m"] == 2**40
    assert chosen["features"][0]["properties"] == {
        "frame_id": "0" * 32, "extras": {"driver": "é"}, "flags": ["x"], "received_at": "2026-05-04T12:00:00Z"
    }  # fmt: skip
    assert none == {"type": "FeatureCollection", "features": []}


async def test_gpx_holds_fixes_with_speed_and_course(served: "Served", path: str) -> None:
    gpx = ET.fromstring((await read(served, path, format="gpx")).text)  # noqa: S314 - our own
    first, second = gpx.iter(f"{GPX}trkpt")
    none = ET.fromstring((await read(served, path, format="gpx", fix_valid="false")).text)  # noqa: S314

    assert first.attrib == {"lat": "-22.5", "lon": "114.0"}
    assert [child.tag.removeprefix(GPX) for child in first] == ["ele", "time", "sat", "hdop", "extensions"]
    assert first.findtext(f"{GPX}time") == "2026-05-04T12:00:00Z"
    assert (first.findtext(f".//{TP}speed"), first.findtext(f".//{TP}course")) == ("10.000", "90.5")
    assert [child.tag.removeprefix(GPX) for child in second] == ["time"]
    assert list(none.iter(f"{GPX}trkpt")) == []


async def test_kml_holds_as_many_times_as_places_in_each_track(served: "Served", path: str, long_path: str) -> None:
    kml = ET.fromstring((await read(served, path, format="kml", to="2026-05-04T12:00:03Z")).text)  # noqa: S314 - our own
    long = ET.fromstring((await read(served, long_path, format="kml", to="2026-05-04T12:20:01Z")).text)  # noqa: S314
    counts = [(len(track.findall(f"{KML}when")), len(track.findall(f"{GX}coord"))) for track in long.iter(f"{GX}Track")]

    assert next(place.text for place in kml.iter(f"{GX}coord")) == "114.0 -22.5 -3.0"
    assert next(time.text for time in kml.iter(f"{KML}when")) == "2026-05-04T12:00:00Z"
    assert len(counts) > 1
    assert all(times == places for times, places in counts)
    assert sum(times for times, _ in counts) == 1202


@pytest.mark.parametrize("kind", ["csv", "geojson", "gpx", "kml"])
async def test_a_long_file_holds_each_report_once_in_order(served: "Served", long_path: str, kind: str) -> None:
    text = (await read(served, long_path, format=kind)).text
    found: list[str | None] = [line.split(",")[0] for line in text.splitlines()[1:]]
    if kind == "geojson":
        found = [each["properties"]["device_time"] for each in json.loads(text)["features"]]
    elif kind in ("gpx", "kml"):
        name = f"{GPX}time" if kind == "gpx" else f"{KML}when"
        found = [time.text for time in ET.fromstring(text).iter(name)]  # noqa: S314 - our own

    assert len(found) == 200_000
    assert found == sorted(set(map(str, found)))


async def test_a_question_for_a_file_that_is_wrong_has_a_code(served: "Served", path: str) -> None:
    client = await served.client()
    for query, code in (
        ({}, "invalid_request"),
        ({"format": "xls"}, "invalid_request"),
        ({"format": "csv", "fields": "speed"}, "unknown_field"),
        ({"format": "gpx", "fields": "latitude"}, "fields_not_supported"),
        ({"format": "csv", "from": NOON.isoformat(), "to": NOON.isoformat()}, "invalid_span"),
    ):
        answer = await client.get(path, params=query)

        assert (answer.status_code, answer.json()["code"]) == (422, code), query
    unknown = await client.get("/v1/devices/none/positions/export", params={"format": "csv"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "device_not_found")


async def test_http_1_0_which_has_no_chunks_is_refused(served: "Served", path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET {path}?format=csv HTTP/1.0\r\nAuthorization: Bearer {served.key}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert b" 505 " in answer.splitlines()[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "http_1_1_needed"
