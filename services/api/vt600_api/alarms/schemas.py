"""Alarms as HTTP shows them."""

from pydantic import BaseModel, ConfigDict

from vt600_api.positions.schemas import POSITION_EXAMPLE, Position

ALARM_EXAMPLE = {**POSITION_EXAMPLE, "kind": "alarm", "event": "sos", "event_code": 1}


class AlarmPage(BaseModel):
    """Reports of the kind `alarm`, in the order of the devices' clocks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ALARM_EXAMPLE], "next_cursor": None}]})

    items: list[Position]
    next_cursor: str | None
