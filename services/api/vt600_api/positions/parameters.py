"""What is asked of tracks in the same way by many routes: spans of time, durations, fields."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime

from vt600_api.dependencies import STORABLE
from vt600_api.errors import ApiError
from vt600_api.positions.schemas import Position

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION = "^[1-9][0-9]{0,5}[smhd]$"
_MAX_DEVICES = 1000


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
_FROM = Query(alias="from", description="From this time on, with its offset.", examples=["2026-05-04T00:00:00Z"])
_TO = Query(alias="to", description="Before this time, with its offset.", examples=["2026-05-05T00:00:00Z"])
Since = Annotated[Time | None, _FROM]
Until = Annotated[Time | None, _TO]
SpanStart = Annotated[Time, _FROM]
SpanEnd = Annotated[Time, _TO]
DeviceList = Annotated[
    str | None,
    Query(max_length=20_000, pattern=STORABLE, description=f"Identities, parted by commas; at most {_MAX_DEVICES}."),
]
FieldList = Annotated[
    str | None,
    Query(
        max_length=1000,
        description="Names of fields, parted by commas: nothing else is answered, in this order. All without it.",
        examples=["device_time,latitude,longitude,speed_kmh"],
    ),
]


def read_duration(text: str) -> timedelta:
    """The duration in a text that matches DURATION: a number and s, m, h or d."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def check_span(since: datetime | None, until: datetime | None, *, longest: timedelta | None = None) -> None:
    """ApiError `invalid_span` when it does not go forwards, `span_too_long` when there is a limit and it is beyond."""
    if since is None or until is None:
        return
    if since >= until:
        raise ApiError(422, "invalid_span", "`from` must be before `to`.")
    if longest is not None and until - since > longest:
        raise ApiError(422, "span_too_long", f"`from` and `to` may be at most {longest.days} days apart.")


def read_devices(text: str | None) -> list[str] | None:
    """The identities in a list, None when there is none; ApiError `too_many_devices`."""
    wanted = text.split(",") if text else None
    if wanted is not None and len(wanted) > _MAX_DEVICES:
        raise ApiError(422, "too_many_devices", f"At most {_MAX_DEVICES} devices can be named.")
    return wanted


def read_fields(text: str | None) -> tuple[str, ...] | None:
    """The fields of a position in a list, each once, None when there is none; ApiError `unknown_field`."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in Position.model_fields]
    if unknown:
        found = [{"where": "query.fields", "message": f"{name!r} is no field of a position"} for name in unknown]
        raise ApiError(
            422, "unknown_field", f"A position has the fields {', '.join(Position.model_fields)}.", errors=found
        )
    return names
