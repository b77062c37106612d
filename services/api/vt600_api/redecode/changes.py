"""What differs between the stored reports and those that are read now. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vt600_api.ingest.staging import REPORT_COLUMNS

_SAMPLES = 10
_ORDERED = frozenset(("flags", "analog_raw"))

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one report: as it is stored, as it is read now."""

    device_id: str
    frame_id: str
    column: str
    stored: object
    read: object


@dataclass(slots=True)
class Outcome:
    """What a run found (and, unless it was dry, put right)."""

    frames: int = 0
    reports: int = 0
    unreadable: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    samples: list[Difference] = field(default_factory=list)

    def note(self, differences: Sequence[Difference]) -> None:
        """Count a report that differs."""
        self.changed += 1
        self.columns.update(difference.column for difference in differences)
        self.samples += differences[: _SAMPLES - len(self.samples)]

    def lines(self) -> Iterable[str]:
        """For a person to read."""
        yield f"{self.frames} frames read, {self.reports} reports compared"
        yield f"{self.changed} changed, {self.added} added, {self.removed} removed, {self.unreadable} not readable any more"
        for column, count in self.columns.most_common():
            yield f"  {column}: {count}"
        for sample in self.samples:
            yield f"  {sample.device_id} {sample.frame_id} {sample.column}: {sample.stored!r} → {sample.read!r}"


def differences(stored: Stored, read: Mapping[str, Any]) -> list[Difference]:
    """The fields of a report that are not as they are stored."""
    return [
        Difference(read["device_id"], read["frame_id"], name, stored[name], read[name])
        for name in REPORT_COLUMNS
        if _comparable(name, stored[name]) != _comparable(name, read[name])
    ]


def _comparable(name: str, value: Any) -> Any:  # noqa: ANN401 - a column of any type
    if name == "extras":
        return None if value is None else json.loads(value)
    return list(value) if name in _ORDERED and value is not None else value
