"""What a device's settings make of its messages."""

from datetime import UTC, datetime

import pytest

from vt600_protocol import CommandError, DeviceProfile, Dialect, SetOutput, encode_command


@pytest.mark.parametrize(
    ("dialect", "wired_to", "inputs", "on"),
    [
        ("binary", None, 0b100, True),
        ("binary", None, 0b010, False),
        ("ascii", None, 0b010, True),
        ("ascii", 3, 0b010, False),
        ("binary", 1, 0b001, True),
        ("binary", None, None, None),
    ],
)
def test_the_ignition_is_one_of_the_inputs(
    dialect: Dialect, wired_to: int | None, inputs: int | None, on: bool | None
) -> None:
    assert DeviceProfile(ignition_input=wired_to).ignition(dialect, inputs) is on


def test_four_analogue_values_hold_supply_and_battery() -> None:
    assert DeviceProfile().volts((0, 0, 256, 640)) == (12.0, 3.75)
    assert DeviceProfile(external_v_per_unit=0.5, battery_v_per_unit=0.25).volts((0, 0, 24, 15)) == (12.0, 3.75)
    assert DeviceProfile().volts((0, 0)) == (None, None)


def test_the_log_may_have_a_time_zone() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert DeviceProfile(log_offset_min=480).log_time(noon) == datetime(2026, 1, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(("outputs", "data"), [(1, "01"), (2, "0102"), (5, "0102020202")])
def test_a_unit_gets_as_many_outputs_as_it_takes(outputs: int, data: str) -> None:
    encoded = encode_command(SetOutput(output=1, on=True), device_id="1234", dialect="binary", outputs=outputs)

    assert encoded.payload[13:-4].hex() == data


@pytest.mark.parametrize(("output", "outputs", "argument"), [(2, 1, "output"), (3, 2, "output"), (1, 4, "outputs")])
def test_an_output_that_a_unit_does_not_have_is_refused(output: int, outputs: int, argument: str) -> None:
    with pytest.raises(CommandError) as caught:
        encode_command(SetOutput(output=output, on=True), device_id="1234", dialect="binary", outputs=outputs)

    assert caught.value.argument == argument
