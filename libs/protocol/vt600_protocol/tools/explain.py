"""Bytes → what each of them says, and what is wrong with them. No bytes make it raise.

The frames are cut, checked and decoded by the codec itself; a frame that no receiver would take is decoded as if it were whole.
"""

from dataclasses import dataclass

from vt600_protocol.command_types import command_type
from vt600_protocol.errors import ProtocolError
from vt600_protocol.framing import Framing
from vt600_protocol.messages import CommandFrame, CommandReply, Dialect, Message
from vt600_protocol.tools import ascii_layout, binary_layout
from vt600_protocol.tools.cutting import Piece, cut, direction_of
from vt600_protocol.tools.findings import Explanation, Finding, Flow, Part
from vt600_protocol.tools.problems import checksum_problem, measure, size_problem, stray_problems
from vt600_protocol.tools.spelling import kind_name

_TRAILER = b"00\r\n"
_BODY_BYTES = 13  # of a binary frame without data


def explain(data: bytes, direction: Flow | None = None) -> Explanation:
    """What each byte says. Without a direction each frame's header tells it: `$$` with a binary length is from a device."""
    pieces = cut(data, direction)
    dialects = {direction_of(piece.framing): piece.framing.dialect for piece in pieces if piece.framing and piece.taken}
    findings = []
    for piece in pieces:
        raw = data[piece.start : piece.end]
        if piece.framing is None:
            findings.append(_bare(piece, raw))
        else:
            expected = direction or direction_of(piece.framing)
            findings.append(_frame(piece.start, raw, piece.framing, expected, dialects.get(expected)))
    return Explanation(tuple(findings))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the decoder makes of a frame. The `problem` is its own word, or what hinders it in the identity."""

    message: Message | None
    device_id: str | None
    problem: str | None


def _bare(piece: Piece, raw: bytes) -> Finding:
    """Bytes outside frames."""
    amount = f"{len(raw)} byte{'s' if len(raw) > 1 else ''}"
    if piece.kind == "heartbeat":
        part = Part(offset=piece.start, raw=raw, name="heartbeat", section="§3.5", value=len(raw))
        return Finding(kind="heartbeat", offset=piece.start, raw=raw, title=f"heartbeat, {amount}", parts=(part,))
    part = Part(offset=piece.start, raw=raw, name="rubbish", section="§5", meaning="skipped")
    return Finding(
        kind="rubbish",
        offset=piece.start,
        raw=raw,
        title=f"rubbish, {amount}",
        parts=(part,),
        problems=(f"{amount} that {'are' if len(raw) > 1 else 'is'} no frame",),
    )


def _frame(start: int, raw: bytes, framing: Framing, expected: Flow, dialect: Dialect | None) -> Finding:
    size = measure(framing, raw)
    body, trailer = raw[: size.body_end], raw[size.body_end :]
    wrong_sum = checksum_problem(framing, raw, size)
    reading = _read_binary(framing, body) if framing.dialect == "binary" else _read_ascii(framing, body)
    is_whole = size.body_end + 2 <= len(raw)
    wrong = (size_problem(framing, raw, size), wrong_sum, reading.problem if is_whole else None)
    problems = stray_problems(framing, expected, dialect) + [problem for problem in wrong if problem is not None]
    flow = direction_of(framing)
    title = _title(reading.message)
    end = start + size.body_end
    if framing.dialect == "binary":
        parts = binary_layout.binary_body(body, start, flow, reading.message, title)
        parts += binary_layout.binary_trailer(trailer, end, is_right=wrong_sum is None)
    else:
        parts = ascii_layout.ascii_body(body, start, flow, reading.message, title)
        parts += ascii_layout.ascii_trailer(trailer, end, is_right=wrong_sum is None)
    return Finding(
        kind="frame",
        offset=start,
        raw=raw,
        title=title,
        parts=tuple(parts),
        problems=tuple(problems),
        direction=flow,
        dialect=framing.dialect,
        device_id=reading.device_id,
    )


def _read_binary(framing: Framing, body: bytes) -> _Reading:
    packed = body[4:11]
    device_id = binary_layout.identity(packed)
    if len(body) < _BODY_BYTES:
        return _Reading(None, device_id or None, None)
    message, problem = _decoded(framing, body)
    if message is None:
        message, _ = _decoded(framing, body[:4] + binary_layout.STAND_IN_ID + body[11:])
    if device_id is None:
        problem = f"identity holds digits A–E: {packed.hex(' ').upper()}"
    return _Reading(message, device_id or None, problem)


def _read_ascii(framing: Framing, body: bytes) -> _Reading:
    form = ascii_layout.split(body)
    device_id = ascii_layout.identity(form.identity)
    if not form.length.endswith(b","):
        return _Reading(None, None, None)
    message, problem = _decoded(framing, body)
    if message is None:
        head, rest = form.header + form.packet_no + form.length, form.code + form.data
        message, _ = _decoded(framing, head + ascii_layout.STAND_IN_ID + b"," + rest)
    return _Reading(message, device_id, problem)


def _decoded(framing: Framing, body: bytes) -> tuple[Message | None, str | None]:
    try:
        return framing.decode(body + _TRAILER), None
    except ProtocolError as error:
        return None, str(error)


def _title(message: Message | None) -> str:
    """What kind of frame it is, in words."""
    if message is None:
        return "unreadable"
    if isinstance(message, CommandReply):
        return f"reply to {message.answers}"
    if isinstance(message, CommandFrame) and message.command is not None:
        return f"command {command_type(message.command).name}"
    return kind_name(message).replace("_", " ")
