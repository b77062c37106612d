"""Explaining bytes and writing the SMS of a setup over HTTP; refusals name what is wrong."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from served.conftest import MakeKey, Served

pytestmark = pytest.mark.servers

LOGIN = "2424001126016100901fff500001ad0d0a"
POSITION = (
    "2424008d143190975469ff9999033130343634312e3030302c562c303735332e353338332c4e2c30393832322e313737382c452c302e30302c302c"
    "3230303132302c2c2a31337c302e307c307c323430307c303030302c303030302c303130302c303238397c303230383030303531374446303046333638"
    "38467c30387c30303030314242367c3030be980d0a"
)
SETUP: dict[str, Any] = {"dialect": "binary", "host": "track.example.org", "port": 8888}
REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("explain", {"hex": "xyz"}, 422, "invalid_hex", "hex"),
    ("explain", {"hex": ""}, 422, "invalid_hex", "hex"),
    ("explain", {"hex": "123"}, 422, "invalid_hex", "hex"),
    ("explain", {"hex": "00" * (16 * 1024 + 1)}, 413, "input_too_long", "hex"),
    ("explain", {"hex": LOGIN, "direction": "left"}, 422, "invalid_request", "body.direction"),
    ("explain", {}, 422, "invalid_request", "body.hex"),
    ("setup-sms", {**SETUP, "host": "a,b"}, 422, "invalid_command_argument", "host"),
    ("setup-sms", {**SETUP, "port": 0}, 422, "invalid_command_argument", "port"),
    ("setup-sms", {**SETUP, "port": "8888"}, 422, "invalid_request", "body.port"),
    ("setup-sms", {**SETUP, "port": True}, 422, "invalid_request", "body.port"),
    ("setup-sms", {**SETUP, "interval_s": 15}, 422, "invalid_command_argument", "interval_s"),
    ("setup-sms", {**SETUP, "password": "secret"}, 422, "invalid_command_argument", "password"),
    ("setup-sms", {**SETUP, "dialect": "morse"}, 422, "invalid_request", "body.dialect"),
    ("setup-sms", {**SETUP, "also": 1}, 422, "invalid_request", "body.also"),
]


async def test_tools_explain_each_byte(served: "Served") -> None:
    client = await served.client()
    answer = await client.post("/v1/tools/explain", json={"hex": f"00 {LOGIN} {POSITION}"})
    heartbeat, login, report = answer.json()["findings"]
    parts = {part["name"]: part for part in report["parts"]}

    assert answer.status_code == 200
    assert answer.json()["is_good"] is True
    assert (heartbeat["kind"], heartbeat["direction"], heartbeat["length"]) == ("heartbeat", None, 1)
    assert (login["title"], login["offset"], login["device_id"]) == ("login", 1, "26016100901")
    assert (
        "".join(part["hex"] for finding in (heartbeat, login, report) for part in finding["parts"])
        == "00" + LOGIN + POSITION
    )
    assert parts["time UTC"] == {
        "offset": 32, "length": 11, "hex": b"104641.000,".hex(), "name": "time UTC", "section": "§3.6",
        "value": "2020-01-20T10:46:41Z", "unit": None, "meaning": None, "field": "device_time",
    }  # fmt: skip
    assert (parts["latitude"]["value"], parts["fix"]["value"], parts["journey"]["value"]) == (7.892305, False, 7094)


async def test_tools_say_what_is_wrong_with_a_frame(served: "Served") -> None:
    client = await served.client()
    bad = (await client.post("/v1/tools/explain", json={"hex": LOGIN.replace("01ad", "01ae")})).json()
    turned = (await client.post("/v1/tools/explain", json={"hex": LOGIN, "direction": "down"})).json()

    assert bad["is_good"] is False
    assert bad["findings"][0]["problems"] == ["the CRC is 01AE and should be 01AD"]
    assert turned["findings"][0]["problems"] == [
        "looks like a frame from a device, and frames from a server are expected"
    ]


async def test_tools_write_the_sms_of_a_setup(served: "Served") -> None:
    client = await served.client()
    everything = {
        "mode": "udp",
        "apn": "internet",
        "interval_s": 30,
        "heartbeat_min": 5,
        "device_id": "1",
        "password": "123456",
    }
    binary = await client.post("/v1/tools/setup-sms", json={**SETUP, **everything})
    ascii_ = await client.post("/v1/tools/setup-sms", json={**SETUP, "dialect": "ascii"})

    assert binary.json()["texts"] == [
        "W123456,010,1",
        "W123456,011,internet",
        "W123456,014,00003",
        "W123456,015,5",
        "W123456,012,track.example.org,8888",
        "W123456,013,2",
    ]
    assert ascii_.json() == {"texts": ["0000,100,1,track.example.org,8888"]}


async def test_tools_refuse_with_a_code_and_the_name_of_what_is_wrong(served: "Served") -> None:
    client = await served.client()
    for tool, body, status, code, where in REFUSED:
        answer = await client.post(f"/v1/tools/{tool}", json=body)

        assert (answer.status_code, answer.json()["code"]) == (status, code), (tool, body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert [entry["where"] for entry in answer.json()["errors"]] == [where]
        assert "secret" not in answer.text


async def test_tools_answer_whoever_may_read(served: "Served", make_key: "MakeKey") -> None:
    reader, other = (
        await served.client(await make_key("read:positions")),
        await served.client(await make_key("send:commands")),
    )

    assert (await reader.post("/v1/tools/explain", json={"hex": LOGIN})).status_code == 200
    assert (await other.post("/v1/tools/explain", json={"hex": LOGIN})).status_code == 403
