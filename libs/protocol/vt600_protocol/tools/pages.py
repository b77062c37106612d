"""The generated pages of docs/protocol: all commands, and what is decoded, encoded and tested by what. `make documents` writes them.

python -m vt600_protocol.tools.pages docs/protocol
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vt600_protocol.ascii.events import EVENT_CODES
from vt600_protocol.binary.alarms import ALARMS
from vt600_protocol.command_types import COMMAND_TYPES, TABLES, CommandType
from vt600_protocol.commands.base import arguments_of, defaults_of, name_of
from vt600_protocol.messages import Dialect
from vt600_protocol.table import Row

_WRITTEN_BY = "<!-- made by `make documents`; do not edit -->"
# Provenance in the vectors → what it proves; the first that applies is shown.
_PROOFS = (("capture", "capture"), ("document_example", "document example"), ("reference_encoder", "public encoder"))
_ROUND_TRIP = "round trip"

# Uplinks that are no replies: code → what they are and the section; the reader finds the class by the code's decoder.
UPLINKS: Mapping[Dialect, Mapping[str, str]] = {
    "binary": {
        "5000": "login, §3.5",
        "9955": "position, §3.6",
        "9999": "alarm, §3.7",
        "9016": "logged position, §3.8",
        "6688": "stored records, §3.8",
        "0001": "heartbeat frame, §3.4",
        "0002": "asks for the server's address, §3.4",
        "9966": "driver cards and place, §3.9",
        "9901": "engine values, §3.9",
        "9902": "engine totals, §3.9",
        "9903": "trouble codes, §3.9",
        "0800": "photo begins, §3.9",
        "9988": "part of a photo, §3.9",
        "0F80": "photo complete, §3.9",
        "9977": "position of a photo, §3.9",
    },
    "ascii": {
        "000": "position or event, §4.3",
        "010": "the same, kept until confirmed, §4.3",
        "020": "compressed records, kept until confirmed; layout not published, §4.2",
        "030": "heartbeat, §4.2",
        "710": "bytes of a serial accessory, §4.2",
    },
}
ANSWERS: Mapping[str, str] = {
    "4000": "login confirmed or refused, §3.5",
    "0001": "heartbeat answered, §3.4",
    "0002": "the server's address, §3.4",
    "8801": "photo may be sent, §3.9",
    "6688": "photo received, §3.9",
    "010": "record confirmed, §4.2",
    "020": "records confirmed, §4.2",
}


def commands_page() -> str:
    """All commands with their arguments, codes and replies."""
    lines = [
        "# Commands",
        "",
        _WRITTEN_BY,
        "",
        "The class says how a command is treated: a *query* and a *setting* may be sent again, an *actuating* one is written at most",
        "once. `GET /v1/command-types` gives the same list with JSON Schema. Codes: SPEC §3.10 (four digits, binary) and §4.7 (three, ASCII).",
        "",
    ]
    for entry in COMMAND_TYPES:
        lines += [*_command(entry), ""]
    return "\n".join(lines)


def _command(entry: CommandType) -> Iterator[str]:
    codes = "; ".join(f"{dialect} {', '.join(f'`{code}`' for code in of)}" for dialect, of in entry.codes.items())
    yield f"## {entry.name}"
    yield ""
    yield f"*{entry.command_class}* · {codes}"
    yield ""
    yield " ".join(entry.text.split())
    kinds, defaults = arguments_of(entry.command), defaults_of(entry.command)
    if kinds:
        yield ""
        yield "| argument | is | when left out |"
        yield "|---|---|---|"
    for name, kind in kinds.items():
        default = f"`{json.dumps(defaults[name])}`" if name in defaults else "needed"
        yield f"| `{name}` | {kind.allowed} | {default} |"


def coverage_page(vectors: Sequence[Mapping[str, Any]]) -> str:
    """Every message and command of the SPEC, and by what its reading and writing is tested."""
    lines = [
        "# What is decoded and encoded",
        "",
        _WRITTEN_BY,
        "",
        "Everything here is decoded and encoded, and the round trip of each is tested. *Proved by* says what else there is: a frame that",
        "a device sent (capture), an example of a protocol document, or the output of another encoder; `vectors.json` has them all.",
        "",
    ]
    proofs = _proofs(vectors)
    for dialect, uplinks in UPLINKS.items():
        rows = [(f"`{code}`", text, proofs.get(("uplink", code), _ROUND_TRIP)) for code, text in uplinks.items()]
        lines += _section(f"Uplinks, {dialect}", ("code", "message", "proved by"), rows)
    answers = [(f"`{code}`", text, proofs.get(("downlink", code), _ROUND_TRIP)) for code, text in ANSWERS.items()]
    lines += _section("Answers of a server", ("code", "answer", "proved by"), answers)
    for dialect, table in TABLES.items():
        header = ("code", "command", "proved by", "reply", "reply proved by")
        lines += _section(f"Commands, {dialect}", header, [_row(row, proofs) for row in table.rows])
    alarms = [
        (f"`{code:02X}`", _event(*meaning), proofs.get(("alarm", code), _ROUND_TRIP))
        for code, meaning in ALARMS.items()
    ]
    lines += _section("Alarm codes of `9999` (§3.7)", ("code", "event", "proved by"), alarms)
    events = [
        (f"{code}", _event(*meaning), proofs.get(("event", code), _ROUND_TRIP)) for code, meaning in EVENT_CODES.items()
    ]
    lines += _section("Event codes of `000` and `010` (§4.6)", ("code", "event", "proved by"), events)
    return "\n".join(lines)


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
    return [f"## {title}", "", *table, ""]


def _row(row: Row, proofs: Mapping[tuple[str, Any], str]) -> tuple[str, ...]:
    fixed = ", ".join(f"{name} {value}" for name, value in row.where.items() if value is not None)
    command = f"{name_of(row.command)} ({fixed})" if fixed else name_of(row.command)
    code = row.answered_by or row.code
    reply = row.reply.name if row.reply else f"`{code}`" if row.answered_by else "yes or no"
    return (
        f"`{row.code}`",
        command,
        proofs.get(("downlink", row.code), _ROUND_TRIP),
        reply,
        proofs.get(("uplink", code), _ROUND_TRIP),
    )


def _event(event: str, data: str | None) -> str:
    return event if data is None else f"{event} {data}"


def _proofs(vectors: Sequence[Mapping[str, Any]]) -> dict[tuple[str, Any], str]:
    """Direction and code, alarm or event code → the best proof among the accepted vectors."""
    found: dict[tuple[str, Any], str] = {}
    for start, proof in reversed(_PROOFS):
        for vector in vectors:
            if not vector["provenance"].startswith(start) or not vector["strict_result"].startswith("accept"):
                continue
            for expected in [vector.get("expected"), *(frame["expected"] for frame in vector.get("stream_frames", ()))]:
                found |= dict.fromkeys(_keys(vector["direction"], expected or {}), proof)
    return found


def _keys(direction: str, expected: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "command" in expected:
        yield direction, expected["command"].removeprefix("0x")
    if "alarm_code" in expected:
        yield "alarm", int(expected["alarm_code"], 16)
    if "event_code" in expected:
        yield "event", expected["event_code"]


def main(folder: Path) -> None:
    """Write the pages beside the vectors."""
    vectors = json.loads((folder / "vectors.json").read_text())["vectors"]
    (folder / "commands.md").write_text(commands_page())
    (folder / "coverage.md").write_text(coverage_page(vectors))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
