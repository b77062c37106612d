"""What devices can be asked, and which of it needs more than the right to ask."""

from typing import TYPE_CHECKING, Any

import pytest

from vt600_api.commands.danger import is_dangerous
from vt600_protocol import COMMAND_TYPES, build_command

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


def test_what_may_cut_an_engine_or_lose_a_device_is_dangerous_and_nothing_else_is() -> None:
    for name, examples in DANGEROUS.items():
        for args in examples:
            assert is_dangerous(build_command(name, args)), (name, args)
    for name, examples in HARMLESS.items():
        for args in examples:
            assert not is_dangerous(build_command(name, args)), (name, args)
    harmless = [entry for entry in COMMAND_TYPES if entry.name not in DANGEROUS]
    assert {entry.name for entry in harmless if entry.command_class == "actuating"} == {
        "clear_records",
        "delete_photos",
        "read_log",
        "restart",
        "set_odometer",
        "take_photo",
    }


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
