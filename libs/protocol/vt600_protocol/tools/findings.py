"""What `explain` finds in bytes: findings, each of parts that cover it without a gap."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vt600_protocol.messages import Dialect

Flow = Literal["up", "down"]
FindingKind = Literal["frame", "heartbeat", "rubbish"]
Value = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some bytes of a frame and what they say. The separator that ends a field belongs to the field.

    `value` is what the decoder read, None where the bytes are blank or hold nothing that it could read; `meaning` spells it out.
    `field` names the field of the decoded message that holds the value. `section` is the clause of the SPEC.
    """

    offset: int
    raw: bytes
    name: str
    section: str
    value: Value = None
    unit: str | None = None
    meaning: str | None = None
    field: str | None = None

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return len(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One frame, good or bad; heartbeat bytes; or bytes that are neither. It is good when `problems` is empty."""

    kind: FindingKind
    offset: int
    raw: bytes
    title: str
    parts: tuple[Part, ...]
    problems: tuple[str, ...] = ()
    direction: Flow | None = None
    dialect: Dialect | None = None
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that was found, in the order of the bytes; the parts of all findings together are the bytes."""

    findings: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        """Whether there is nothing wrong with any of it."""
        return not any(finding.problems for finding in self.findings)
