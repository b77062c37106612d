"""The two checks used on the wire (SPEC §3.2, §4.1)."""

from binascii import crc_hqx


def crc16(data: bytes | bytearray | memoryview) -> int:
    """CRC-16 CCITT-FALSE: polynomial 0x1021, start 0xFFFF (SPEC §3.2)."""
    return crc_hqx(data, 0xFFFF)


def byte_sum(data: bytes) -> int:
    """The low 8 bits of the sum of all bytes (SPEC §4.1)."""
    return sum(data) & 0xFF
