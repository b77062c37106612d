"""Explained bytes and SMS of a setup as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vt600_protocol.tools import Explanation, Finding, Part

_Number = Annotated[int, Field(strict=True)]


class BytesToExplain(BaseModel):
    """Bytes of a tracker. `direction`: `up` is from the device; without it each frame's header tells."""

    model_config = ConfigDict(extra="forbid")

    hex: Annotated[str, Field(description="White space, colons, commas and `0x` may stand between the digits.")]
    direction: Literal["up", "down"] | None = None


class PartView(BaseModel):
    """Some bytes of a frame and what they say: `value` is what the decoder read in them, `section` the clause of SPEC.md."""

    offset: int
    length: int
    hex: str
    name: str
    section: str
    value: str | int | float | bool | datetime | None
    unit: str | None
    meaning: str | None
    field: Annotated[str | None, Field(description="The field of the decoded message that holds the value.")]

    @classmethod
    def of(cls, part: Part) -> "PartView":
        """The part as HTTP shows it."""
        return cls(
            offset=part.offset,
            length=part.length,
            hex=part.raw.hex(),
            name=part.name,
            section=part.section,
            value=part.value,
            unit=part.unit,
            meaning=part.meaning,
            field=part.field,
        )


class FindingView(BaseModel):
    """One frame, heartbeat bytes, or bytes that are neither; good when `problems` is empty."""

    kind: Literal["frame", "heartbeat", "rubbish"]
    offset: int
    length: int
    title: str
    direction: Literal["up", "down"] | None
    dialect: Literal["binary", "ascii"] | None
    device_id: str | None
    problems: list[str]
    parts: list[PartView]

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        """The finding as HTTP shows it."""
        return cls(
            kind=finding.kind,
            offset=finding.offset,
            length=len(finding.raw),
            title=finding.title,
            direction=finding.direction,
            dialect=finding.dialect,
            device_id=finding.device_id,
            problems=list(finding.problems),
            parts=[PartView.of(part) for part in finding.parts],
        )


class ExplanationView(BaseModel):
    """All that was found, in the order of the bytes. The parts together are the bytes."""

    is_good: bool
    findings: list[FindingView]

    @classmethod
    def of(cls, explanation: Explanation) -> "ExplanationView":
        """The explanation as HTTP shows it."""
        return cls(is_good=explanation.is_good, findings=[FindingView.of(entry) for entry in explanation.findings])


class SetupToWrite(BaseModel):
    """What a tracker shall be told; what is not given is left as it is in the tracker."""

    model_config = ConfigDict(extra="forbid")

    dialect: Literal["binary", "ascii"]
    host: str
    port: _Number
    mode: Literal["tcp", "udp"] = "tcp"
    apn: str | None = None
    apn_user: str | None = None
    apn_password: str | None = None
    interval_s: _Number | None = None
    heartbeat_min: _Number | None = None
    device_id: str | None = None
    password: Annotated[str | None, Field(description="Of the tracker's SMS; 000000 or 0000 when it is not given.")] = (
        None
    )


class SetupSms(BaseModel):
    """The texts in the order to send them."""

    texts: list[str]
