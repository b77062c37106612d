"""What devices can be asked, and which of it needs more than the right to ask."""

from typing import TYPE_CHECKING, Any

import pytest

from vt600_api.commands.danger import is_dangerous
from vt600_protocol import COMMAND_TYPES, build_command, command_type

if TYPE_CHECKING:
    from served.conftest import MakeKey, Served

pytestmark = pytest.mark.servers

DANGEROUS: dict[str, list[dict[str, Any]]] = {
    "set_immobiliser": [{"engaged": True}],
    "set_output": [{"output": 1, "on": True}, {"output": 1, "on": True, "safe_speed_kmh": 10}],
    "set_outputs": [{"states": ["on", "off"]}],
    "run_output_pattern": [{"output": 1, "running": True}],
    "set_output_pattern": [{"output": 1, "mode": "on"}],
    "set_output_events": [{"output": 1, "change": "set", "events": [1]}],
    "restore_factory": [{"keep": "connection"}],
    "set_device_id": [{"new_id": "1234"}],
    "set_server": [{"mode": "tcp", "host": "h", "port": 1}],
    "set_spare_server": [{"host": "h", "port": 1}],
    "set_gprs": [{"mode": "tcp", "host": "h", "port": 1}],
    "set_apn": [{"apn": "a"}],
    "set_dns": [{"address": "192.0.2.1"}],
    "set_sim_pin": [{"pin": "1234"}],
    "authorise_cards": [{}],
    "remove_cards": [{}],
    "begin_firmware": [{"name": "f"}],
    "authorise_firmware": [{}],
    "send_firmware": [{"offset": 0, "data": "00"}],
    "check_firmware": [{"size": 1, "checksum": 1}],
    "install_firmware": [{}],
    "cancel_firmware": [{}],
}
HARMLESS: dict[str, list[dict[str, Any]]] = {
    "set_immobiliser": [{"engaged": False}],
    "set_output": [{"output": 1, "on": False}, {"output": 2, "on": True}],
    "set_outputs": [{"states": ["off", "on"]}, {"states": ["keep", "on", "on"]}],
    "run_output_pattern": [{"output": 1, "running": False}, {"output": 2, "running": True}],
    "set_output_pattern": [{"output": 2, "mode": "on"}],
    "set_output_events": [{"output": 2, "change": "set", "events": [1]}],
}

# whatever their arguments are
NEVER = """
request_position set_interval read_interval set_confirmed_upload set_upload_order set_distance_report
set_heading_report set_heartbeat set_log_interval read_log clear_records set_server_events read_parameters
set_speed_limit set_low_speed set_movement_alarm set_fence set_fence_name delete_fence set_input_triggers
set_harsh_acceleration set_harsh_braking set_harsh_turn set_impact set_tow set_idling set_fatigue set_fuel_theft
set_fuel_low set_vibration_sensitivity set_armed set_jamming_alarm set_antenna_alarm set_input set_accessory
set_odometer set_lights set_temperature_sensor set_temperature_limits read_temperatures set_tank_size
set_fuel_sensor set_fuel_source read_cards set_card_time set_obd_make
pass_obd_through identify read_status read_sim_card restart
set_wifi set_switches set_sleep_level set_sleep_mode set_power_down set_sms_time_zone
set_sms_password set_sms_interval set_listen_in_phone set_button_phones read_button_phones set_phones
set_phone_rule set_event_text set_camera_events set_photo_size set_photo_interval take_photo list_photos
delete_photos fetch_photo
"""


def test_what_may_cut_an_engine_or_lose_a_device_is_dangerous_and_nothing_else_is() -> None:
    for name, examples in DANGEROUS.items():
        for args in examples:
            assert is_dangerous(build_command(name, args)), (name, args)
    for name, examples in HARMLESS.items():
        for args in examples:
            assert not is_dangerous(build_command(name, args)), (name, args)


def test_every_command_is_known_to_be_dangerous_at_times_or_never() -> None:
    never = NEVER.split()

    assert sorted((*DANGEROUS, *never)) == sorted(entry.name for entry in COMMAND_TYPES)
    for name in never:
        without_arguments = object.__new__(command_type(name).command)
        assert not is_dangerous(without_arguments), name


async def test_the_list_is_that_of_the_codec(served: "Served") -> None:
    client = await served.client()
    everything = (await client.get("/v1/command-types")).json()["items"]
    binary = (await client.get("/v1/command-types", params={"dialect": "binary"})).json()["items"]
    interval = next(item for item in everything if item["name"] == "set_interval")

    assert [item["name"] for item in everything] == [entry.name for entry in COMMAND_TYPES]
    assert {item["name"] for item in binary} == {entry.name for entry in COMMAND_TYPES if "binary" in entry.dialects}
    assert (interval["command_class"], interval["codes"]) == ("setting", {"binary": ["4102"], "ascii": ["102", "106"]})
    assert interval["args_schema"]["required"] == ["interval_s"]
    assert interval["args_schema"]["properties"]["interval_s"] == {"type": "integer", "minimum": 0, "maximum": 655350}


async def test_a_dangerous_command_wants_its_own_scope(served: "Served", device_id: str, make_key: "MakeKey") -> None:
    client = await served.client(await make_key("send:commands"))
    body = {"type": "restore_factory", "args": {"keep": "nothing"}}
    answer = await client.post(f"/v1/devices/{device_id}/commands", json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
