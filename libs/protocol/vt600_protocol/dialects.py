"""Both dialects in both directions: what a stream may begin with (SPEC §1)."""

from vt600_protocol.ascii import decode as ascii_decode
from vt600_protocol.ascii import downlink as ascii_downlink
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import decode as binary_decode
from vt600_protocol.binary import downlink as binary_downlink
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.framing import Direction, Framing
from vt600_protocol.messages import Role

_UPLINK = Direction(
    Framing(
        dialect="binary",
        header=binary_framing.UPLINK_HEADER,
        partial=binary_framing.UPLINK_PARTIAL,
        size=binary_framing.size,
        verify=binary_framing.verify,
        decode=binary_decode.decode,
    ),
    Framing(
        dialect="ascii",
        header=ascii_framing.UPLINK_HEADER,
        partial=ascii_framing.UPLINK_PARTIAL,
        size=ascii_framing.size,
        verify=ascii_framing.verify,
        decode=ascii_decode.decode,
    ),
)
_DOWNLINK = Direction(
    Framing(
        dialect="binary",
        header=binary_framing.DOWNLINK_HEADER,
        partial=binary_framing.DOWNLINK_PARTIAL,
        size=binary_framing.size,
        verify=binary_framing.verify,
        decode=binary_downlink.decode,
    ),
    Framing(
        dialect="ascii",
        header=ascii_framing.DOWNLINK_HEADER,
        partial=ascii_framing.DOWNLINK_PARTIAL,
        size=ascii_framing.size,
        verify=ascii_framing.verify,
        decode=ascii_downlink.decode,
    ),
)


def received_by(role: Role) -> Direction:
    """What the other side may send: uplinks reach a server, downlinks a device."""
    return _UPLINK if role == "server" else _DOWNLINK
