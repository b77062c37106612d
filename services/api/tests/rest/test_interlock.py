"""No way leads to an engine that is cut while the vehicle drives."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from rest.campaigns import make_runner
from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest, Interlock
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_protocol import CommandError, build_command, encode_command

if TYPE_CHECKING:
    from rest.conftest import Drives, MakeClient

pytestmark = pytest.mark.servers

DEVICE = "143190975469"
PATH = f"/v1/devices/{DEVICE}/commands"
SEQUENCES = f"/v1/devices/{DEVICE}/command-sequences"
CUT = {"type": "set_immobiliser", "args": {"engaged": True}}
RIGHTS = ("send:commands", "send:commands:dangerous")

OUTPUT_STATES = st.sampled_from(("off", "on", "keep"))
CUTS = st.one_of(
    st.just(CUT),
    st.builds(lambda speed: {**CUT, "args": {"engaged": True, "safe_speed_kmh": speed}}, st.sampled_from((10, 20))),
    st.builds(
        lambda speed: {"type": "set_output", "args": {"output": 1, "on": True, "safe_speed_kmh": speed}},
        st.sampled_from((None, 10, 20)),
    ),
    st.builds(
        lambda others, speed: {"type": "set_outputs", "args": {"states": ["on", *others], "safe_speed_kmh": speed}},
        st.sampled_from((["on"], ["off"])),
        st.sampled_from((None, 10, 20)),
    ),
)
LATER = (
    {"type": "run_output_pattern", "args": {"output": 1, "running": True}},
    {"type": "set_output_events", "args": {"output": 1, "change": "add", "events": [1]}},
    {"type": "set_output", "args": {"output": 1, "on": False, "duration_ms": 500}},
)


@pytest.fixture(autouse=True)
async def device(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": DEVICE})


@pytest.fixture
async def sender(make_client: "MakeClient") -> httpx.AsyncClient:
    """May cut engines, and not override the interlock."""
    return await make_client(*RIGHTS)


def raw(body: dict[str, Any], dialect: Any) -> dict[str, Any]:
    """The same as the bytes of a frame."""
    frame = encode_command(build_command(body["type"], body["args"]), device_id=DEVICE, dialect=dialect, packet_no="A")
    return {"type": "raw", "args": {"hex": frame.payload.hex()}}


async def requested(kafka: KafkaSettings, command_id: str) -> CommandRequest:
    async with Follower(kafka, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower:
        while True:
            for delivery in await follower.next_batch():
                record = decode(CommandRequest, delivery.value)
                if record.command_id == command_id:
                    return record


async def refusal_in_a_campaign(
    app: FastAPI, sender: httpx.AsyncClient, admin: httpx.AsyncClient, body: dict[str, Any]
) -> str | None:
    """Why the device gets no command; None when it gets it."""
    answer = await sender.post("/v1/campaigns", json={"command": body, "device_ids": [DEVICE]})
    await make_runner(app).round()
    (part,) = (await admin.get(f"{answer.headers['location']}/devices")).json()["items"]
    assert part["state"] == ("queued" if part["reason"] is None else "refused")
    return part["reason"] and str(part["reason"]).partition(":")[0]


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=CUTS,
    way=st.sampled_from(("plain", "raw binary", "raw ascii", "sequence", "campaign")),
    speed_kmh=st.sampled_from((0.0, 19.9, 20.0, 20.1, 120.0)),
    age_s=st.sampled_from((1.0, 110.0, 130.0, 86_400.0)),
)
async def test_no_way_cuts_the_engine_of_a_vehicle_that_drives_or_may_drive(
    app: FastAPI, sender: httpx.AsyncClient, admin: httpx.AsyncClient, drives: "Drives", database: asyncpg.Connection,
    body: dict[str, Any], way: str, speed_kmh: float, age_s: float,
) -> None:  # fmt: skip
    await database.execute("DELETE FROM fleet.commands")
    await drives(speed_kmh, age_s=age_s, device_id=DEVICE)
    stands = speed_kmh < 20 and age_s < 120
    refusal = None if stands else "interlock_no_fix" if age_s > 120 else "interlock_speed"
    if way == "campaign":
        assert await refusal_in_a_campaign(app, sender, admin, body) == refusal
        return
    if way == "sequence":
        answer = await sender.post(SEQUENCES, json={"commands": [{"type": "identify"}, body]})
    elif way == "plain":
        answer = await sender.post(PATH, json=body)
    else:
        try:
            frame = raw(body, way.split()[1])
        except CommandError:
            reject()  # that dialect cannot say it
        answer = await sender.post(PATH, json=frame)

    assert answer.status_code == (202 if stands else 409), answer.text
    if not stands:
        assert answer.json()["code"] == refusal
        assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 0


async def test_where_nothing_is_known_nothing_is_cut(sender: httpx.AsyncClient, drives: "Drives") -> None:
    never_seen = await sender.post(PATH, json=CUT)
    await drives(0, device_id=DEVICE)
    stands = await sender.post(PATH, json=CUT)

    assert (never_seen.status_code, never_seen.json()["code"]) == (409, "interlock_no_fix")
    assert stands.status_code == 202


@pytest.mark.parametrize("body", LATER)
async def test_what_would_cut_at_another_time_is_refused(
    sender: httpx.AsyncClient, drives: "Drives", body: dict[str, Any]
) -> None:
    await drives(0, device_id=DEVICE)
    answer = await sender.post(PATH, json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "interlock_not_possible"), answer.text


async def test_the_limits_are_the_devices_own(
    admin: httpx.AsyncClient, sender: httpx.AsyncClient, drives: "Drives", kafka_settings: KafkaSettings
) -> None:
    await admin.patch(
        f"/v1/devices/{DEVICE}", json={"settings": {"interlock_speed_kmh": 12, "interlock_fix_age_s": 600}}
    )
    await drives(11, age_s=500, device_id=DEVICE)
    allowed = await sender.post(PATH, json=CUT)
    too_lax = await sender.post(PATH, json={**CUT, "args": {"engaged": True, "safe_speed_kmh": 20}})
    await drives(12, age_s=500, device_id=DEVICE)
    refused = await sender.post(PATH, json=CUT)
    request = await requested(kafka_settings, allowed.json()["command_id"])

    assert [answer.status_code for answer in (allowed, too_lax, refused)] == [202, 409, 409]
    assert request.interlock == Interlock(max_speed_kmh=12, max_fix_age_s=600)


async def test_an_override_needs_its_scope_and_its_reason_is_kept(
    make_client: "MakeClient", sender: httpx.AsyncClient, drives: "Drives", kafka_settings: KafkaSettings
) -> None:
    await drives(120, device_id=DEVICE)
    body = {**CUT, "override_reason": "stolen, the police asks"}
    refused = await sender.post(PATH, json=body)
    allowed = await (await make_client(*RIGHTS, "send:commands:override", "read:positions")).post(PATH, json=body)
    request = await requested(kafka_settings, allowed.json()["command_id"])
    reader = await make_client("read:positions")
    history = (await reader.get(allowed.headers["location"])).json()

    assert (refused.status_code, allowed.status_code) == (403, 202)
    assert (request.interlock, request.override_reason) == (None, "stolen, the police asks")
    assert history["transitions"][0]["reason"] == "interlock overridden: stolen, the police asks"


async def test_giving_the_engine_back_waits_for_nothing(sender: httpx.AsyncClient, drives: "Drives") -> None:
    await drives(120, device_id=DEVICE)
    for body in ({"type": "set_immobiliser", "args": {"engaged": False}}, {"type": "set_output", "args": {"output": 1, "on": False}}):  # fmt: skip
        assert (await sender.post(PATH, json=body)).status_code == 202


async def test_a_raw_command_is_the_command_that_it_is(admin: httpx.AsyncClient) -> None:
    interval: dict[str, Any] = {"type": "set_interval", "args": {"interval_s": 60}}
    for dialect in ("binary", "ascii"):
        answer = (await admin.post(PATH, json=raw(interval, dialect))).json()

        assert (answer["type"], answer["args"]) == (
            "set_interval",
            asdict(build_command("set_interval", interval["args"])),
        )


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({}, "invalid_command_argument"),
        ({"hex": "zz"}, "invalid_command_argument"),
        ({"hex": "00", "more": 1}, "invalid_command_argument"),
        ({"hex": ""}, "raw_not_understood"),
        ({"hex": "40400011"}, "raw_not_understood"),
        ({"hex": "ff" * 30}, "raw_not_understood"),
    ],
)
async def test_bytes_that_are_not_understood_are_not_sent(
    admin: httpx.AsyncClient, args: dict[str, Any], code: str
) -> None:
    answer = await admin.post(PATH, json={"type": "raw", "args": args})

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_frame_for_another_device_is_refused(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": "2"})
    answer = await admin.post("/v1/devices/2/commands", json=raw({"type": "identify", "args": {}}, "ascii"))

    assert (answer.status_code, answer.json()["code"]) == (422, "raw_of_another_device")
