"""What trackers are asked to do: every class of commands, and of two for one device hardly ever the same bytes."""

import json
import random
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from vt600_protocol import (
    COMMAND_TYPES,
    CommandError,
    CommandFrame,
    Dialect,
    build_command,
    decode_datagram,
    encode_command,
)
from vt600_simulator.tracker import Tracker

CommandClass = Literal["query", "setting", "actuating"]

CLASSES: Mapping[str, CommandClass] = {entry.name: entry.command_class for entry in COMMAND_TYPES}
_WEIGHTS: Mapping[CommandClass, int] = {"actuating": 5, "setting": 3, "query": 2}
_TRIES = 100
_SERIAL_DIGITS = 12


class Order(NamedTuple):
    """One command as REST takes it."""

    type: str
    args: dict[str, Any]


class Orders:
    """Draws orders. Queries may come again, as their bytes cannot differ; the others are new to their device."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self._used: set[tuple[str, str]] = set()

    def draw(self, tracker: Tracker, *, distinct: bool = False) -> Order:
        """An order that the tracker's dialect can say, with `distinct` no query."""
        weights = {name: weight for name, weight in _WEIGHTS.items() if not (distinct and name == "query")}
        (wanted,) = self._random.choices(tuple(weights), tuple(weights.values()))
        for _ in range(_TRIES):
            order = self._of_class(wanted, tracker.dialect)
            place = (tracker.device_id, str(content_of_order(order.type, order.args, tracker.device_id)))
            if wanted == "query" or place not in self._used:
                self._used.add(place)
                return order
        raise RuntimeError(f"{tracker.device_id} was asked for everything that it can do: take more trackers")

    def _of_class(self, wanted: CommandClass, dialect: Dialect) -> Order:
        chance = self._random
        match wanted:
            case "query":
                orders = [Order("identify", {}), Order("request_position", {})]
                orders += [Order("read_interval", {})] if dialect == "binary" else [Order("read_status", {})]
            case "setting":
                orders = [
                    Order("set_heading_report", {"angle_deg": chance.randint(1, 359)}),
                    Order("set_distance_report", {"distance_m": chance.randint(1, 65_535)}),
                    Order("set_log_interval", {"interval_s": chance.randint(1, 65_535)}),
                    Order("set_speed_limit", {"speed_kmh": chance.randint(1, 20) * 10}),
                ]
            case _:
                orders = [
                    Order("restart", {}),
                    Order("clear_records", {}),
                    Order("set_immobiliser", {"engaged": chance.random() < 0.5, "safe_speed_kmh": 20}),
                    Order("set_output", {"output": chance.randint(2, 5), "on": chance.random() < 0.5}),
                    *[self._wide(dialect) for _ in range(4)],
                ]
        return chance.choice(orders)

    def _wide(self, dialect: Dialect) -> Order:
        """Actuating, with many different bytes."""
        chance = self._random
        if dialect == "binary":
            states = [chance.choice(("off", "on", "keep")) for _ in range(5)]
            states[0] = chance.choice(("off", "keep"))  # a cut of the engine gets the unit's interlock: other bytes
            states[1], states[4] = chance.choice(("off", "on")), chance.choice(("off", "on"))
            return Order("set_outputs", {"states": states, "safe_speed_kmh": chance.choice((None, 10, 20))})
        if chance.random() < 0.5:
            return Order("set_odometer", {"odometer_m": chance.randint(1, 1_000_000) * 1000})
        wait_ms = chance.randint(1, 600) * 100
        return Order("set_output", {"output": chance.randint(2, 5), "on": True, "duration_ms": wait_ms})


def body_of(name: str, args: Mapping[str, Any]) -> str:
    """An order as text that is the same for the same order."""
    return json.dumps({"type": name, "args": args}, sort_keys=True)


def content_of(frame: CommandFrame) -> str:
    """What a command's bytes say, whatever its packet number."""
    return f"{frame.code} {frame.content.hex()}"


def content_of_order(name: str, args: Mapping[str, Any], device_id: str) -> str | None:
    """What an order's bytes will say; None when the device's dialect cannot say it."""
    dialect: Dialect = "binary" if len(device_id) == _SERIAL_DIGITS else "ascii"  # as the simulator names its trackers
    try:
        payload = encode_command(build_command(name, args), device_id=device_id, dialect=dialect).payload
    except CommandError:
        return None
    (frame,) = decode_datagram(payload, "device").messages
    assert isinstance(frame, CommandFrame)
    return content_of(frame)
