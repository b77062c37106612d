"""Findings as a table for people."""

from collections.abc import Iterator
from datetime import datetime

from vt600_protocol.tools.findings import Explanation, Finding, Part, Value

_SIDES = {"up": "from the device", "down": "from the server"}
_DIALECTS = {"binary": "binary", "ascii": "ASCII"}
_TEXT_SECTION = "§3.6"  # what is text in a binary frame
_RAW_WIDTH = 29
_BOLD, _DIM, _RED, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


def table(explanation: Explanation, *, colour: bool) -> str:
    """One paragraph for each finding, and what it comes to."""
    paragraphs = ["\n".join(_paragraph(finding, colour=colour)) for finding in explanation.findings]
    return "\n\n".join([*paragraphs, _outcome(explanation)])


def value_text(value: Value) -> str:
    """A value in words."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _paragraph(finding: Finding, *, colour: bool) -> Iterator[str]:
    bold, dim, red, plain = (_BOLD, _DIM, _RED, _PLAIN) if colour else ("",) * 4
    yield f"{bold}{_heading(finding)}{plain}"
    for problem in finding.problems:
        yield f"{red}  ! {problem}{plain}"
    for part in finding.parts:
        left = f"{part.offset:6} {part.length:5}  {_raw_text(part, finding):{_RAW_WIDTH}}  {part.name:14}"
        yield f"{left}  {dim}{part.section:5}{plain} {_says(part)}".rstrip()


def _heading(finding: Finding) -> str:
    if finding.direction is None or finding.dialect is None:
        return finding.title
    device = f", device {finding.device_id}" if finding.device_id else ""
    side = f"{_DIALECTS[finding.dialect]} {_SIDES[finding.direction]}"
    return f"{finding.title}, {side}{device}, {len(finding.raw)} bytes"


def _says(part: Part) -> str:
    value = value_text(part.value) + (f" {part.unit}" if part.unit else "")
    if part.meaning is None:
        return value
    return part.meaning if part.value is None else f"{value}  ({part.meaning})"


def _raw_text(part: Part, finding: Finding) -> str:
    """The bytes as text where they are some, else as hex; no more than the column holds."""
    text = part.raw.decode("latin-1")
    is_text = finding.dialect == "ascii" or part.section == _TEXT_SECTION
    if not (is_text and text.isascii() and text.isprintable()):
        text = part.raw[:_RAW_WIDTH].hex(" ").upper()
    return text if len(text) <= _RAW_WIDTH else text[: _RAW_WIDTH - 1] + "…"


def _outcome(explanation: Explanation) -> str:
    frames = [finding for finding in explanation.findings if finding.kind == "frame"]
    bad = sum(1 for finding in explanation.findings if finding.problems)
    amount = f"{len(frames)} frame{'' if len(frames) == 1 else 's'}"
    if not bad:
        return f"{amount}, nothing is wrong"
    return f"{amount}; something is wrong in {bad} place{'' if bad == 1 else 's'}"
