"""How a device is wired: told once, applied to what it reports from then on."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from vt600_api.devices.settings import DeviceSettings, profile_of
from vt600_protocol import DeviceProfile

if TYPE_CHECKING:
    from served.conftest import Served

pytestmark = pytest.mark.servers

DEFAULTS = {
    "ignition_input": None,
    "external_v_per_unit": 48 / 1024,
    "battery_v_per_unit": 6 / 1024,
    "output_bytes": 5,
    "interlock_speed_kmh": None,
    "interlock_fix_age_s": None,
    "log_offset_min": 0,
}


async def test_settings_are_changed_one_by_one_and_shown_whole(
    served: "Served", device_id: str, store: asyncpg.Connection
) -> None:
    client = await served.client()
    path = f"/v1/devices/{device_id}"
    before = (await client.get(path)).json()["settings"]
    await client.patch(path, json={"settings": {"ignition_input": 2}, "name": "bus 7"})
    answer = await client.patch(path, json={"settings": {"output_bytes": 1}})
    stored = await store.fetchval("SELECT settings::text FROM fleet.devices WHERE device_id = $1", device_id)
    await client.patch(path, json={"settings": {"ignition_input": None, "output_bytes": 5}})

    assert before == DEFAULTS
    assert answer.json()["settings"] == {**DEFAULTS, "ignition_input": 2, "output_bytes": 1}
    assert answer.json()["name"] == "bus 7"
    assert profile_of(stored) == DeviceProfile(ignition_input=2, output_bytes=1)
    assert await store.fetchval("SELECT settings::text FROM fleet.devices WHERE device_id = $1", device_id) == "{}"


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"ignition_input": 17}, "body.settings.ignition_input"),
        ({"output_bytes": 3}, "body.settings.output_bytes"),
        ({"external_v_per_unit": 0}, "body.settings.external_v_per_unit"),
        ({"battery_v_per_unit": "soup"}, "body.settings.battery_v_per_unit"),
        ({"log_offset_min": 841}, "body.settings.log_offset_min"),
        ({"colour": "red"}, "body.settings.colour"),
    ],
)
async def test_settings_that_cannot_be_are_refused(
    served: "Served", device_id: str, settings: dict[str, Any], where: str
) -> None:
    client = await served.client()
    answer = await client.patch(f"/v1/devices/{device_id}", json={"settings": settings})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["where"] for error in answer.json()["errors"]] == [where]
    assert (await client.get(f"/v1/devices/{device_id}")).json()["settings"] == DEFAULTS


def test_a_setting_of_a_newer_version_is_passed_over() -> None:
    assert profile_of('{"ignition_input": 1, "colour": "red"}') == DeviceProfile(ignition_input=1)


def test_the_defaults_are_those_of_the_codec() -> None:
    defaults = DeviceSettings().model_dump(include={field.name for field in fields(DeviceProfile)})
    assert DeviceProfile(**defaults) == DeviceProfile() == profile_of(None)
