"""Frames that a device sends: for the simulator, the tests, and people who try a server."""

from vt600_protocol.ascii import encode as ascii_encode
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import commands as binary_commands
from vt600_protocol.binary import encode as binary_encode
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.messages import CommandFrame, PositionReport

HEARTBEAT = b"\x00"  # SPEC §3.5


def encode_login(device_id: str) -> bytes:
    """`5000`: a binary unit says who it is (SPEC §3.5)."""
    return binary_framing.build(binary_framing.UPLINK_PREFIX, device_id, "5000", b"")


def encode_report(report: PositionReport) -> bytes:
    """The frame of a report, from its fields; `raw` and `content` are not looked at. ValueError for what has no form."""
    if report.dialect == "binary":
        return binary_framing.build(
            binary_framing.UPLINK_PREFIX, report.device_id, report.code, binary_encode.report_data(report)
        )
    return ascii_framing.build(
        ascii_framing.UPLINK_PREFIX,
        report.packet_no or ":",
        report.device_id,
        report.code,
        ascii_encode.report_data(report),
    )


def encode_command_reply(frame: CommandFrame, *, ok: bool, text: str | None = None) -> bytes:
    """The device's answer to a command: `text` when it answers with values, else its yes or no (SPEC §3.10, §4.7)."""
    if frame.dialect == "binary":
        code = binary_commands.REPLY_CODES.get(frame.code, frame.code)
        flag = bytes([ok]) + (frame.content if code == "5100" else b"")
        data = flag if text is None else text.encode("latin-1")
        return binary_framing.build(binary_framing.UPLINK_PREFIX, frame.device_id, code, data)
    answer = text if text is not None else "OK" if ok else "Failed"
    return ascii_framing.build(
        ascii_framing.UPLINK_PREFIX, frame.packet_no or ":", frame.device_id, frame.code, answer.encode("latin-1")
    )
