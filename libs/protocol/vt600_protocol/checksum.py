"""The two checks used on the wire (SPEC §3.2, §4.1)."""

from binascii import crc_hqx
from zlib import adler32

_PLAIN_SUM_BYTES = 256


def crc16(data: bytes | bytearray) -> int:
    """CRC-16 CCITT-FALSE: polynomial 0x1021, start 0xFFFF (SPEC §3.2)."""
    return crc_hqx(data, 0xFFFF)


def byte_sum(data: bytes | bytearray) -> int:
    """The low 8 bits of the sum of all bytes (SPEC §4.1)."""
    if len(data) <= _PLAIN_SUM_BYTES:
        # Adler-32's lower half is 1 + the sum modulo 65,521, which 256 bytes cannot reach; it takes a tenth of sum()'s time.
        return (adler32(data) - 1) & 0xFF
    return sum(data) & 0xFF
