"""Both dialects in both directions: what a stream may begin with (SPEC §1)."""

from vt600_protocol.ascii import decode as ascii_decode
from vt600_protocol.ascii import downlink as ascii_downlink
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import decode as binary_decode
from vt600_protocol.binary import downlink as binary_downlink
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.framing import Framing
from vt600_protocol.messages import Role

_UPLINK = (
    Framing(
        "binary",
        binary_framing.UPLINK_PREFIX,
        binary_framing.UPLINK_HEADER,
        binary_framing.measure,
        binary_framing.verify,
        binary_decode.decode,
    ),
    Framing(
        "ascii",
        ascii_framing.UPLINK_PREFIX,
        ascii_framing.UPLINK_HEADER,
        ascii_framing.measure,
        ascii_framing.verify,
        ascii_decode.decode,
    ),
)
_DOWNLINK = (
    Framing(
        "binary",
        binary_framing.DOWNLINK_PREFIX,
        binary_framing.DOWNLINK_HEADER,
        binary_framing.measure,
        binary_framing.verify,
        binary_downlink.decode,
    ),
    Framing(
        "ascii",
        ascii_framing.DOWNLINK_PREFIX,
        ascii_framing.DOWNLINK_HEADER,
        ascii_framing.measure,
        ascii_framing.verify,
        ascii_downlink.decode,
    ),
)


def framings(role: Role) -> tuple[Framing, ...]:
    """What the other side may send: uplinks reach a server, downlinks a device."""
    return _UPLINK if role == "server" else _DOWNLINK
