"""The two checks, against their documented values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vt600_protocol.checksum import byte_sum, crc16


def test_the_crc_has_its_check_value() -> None:
    assert crc16(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    ("text", "crc"),
    [
        ("2424001112345678901FFF5000", 0x6F35),
        ("2424001113612345678FFF5000", 0x05D8),
        ("40400012123456FFFFFFFF400001", 0xA99B),
        ("40400012123456FFFFFFFF41050B", 0xC014),
    ],
)
def test_the_crc_is_that_of_the_documented_frames(text: str, crc: int) -> None:
    assert crc16(bytes.fromhex(text)) == crc


@pytest.mark.parametrize(
    ("text", "total"),
    [
        (b"&&A20,021104023195429,800", 0xDA),
        (b"$$:24,123456789012345,900,1,1", 0x9F),
        (b"&&:23,860262050015424,129,OK", 0xA2),
    ],
)
def test_the_sum_is_that_of_the_documented_frames(text: bytes, total: int) -> None:
    assert byte_sum(text) == total


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 258, 4096])
def test_the_sum_is_plain_up_to_the_largest_bytes(size: int) -> None:
    assert byte_sum(b"\xff" * size) == 255 * size % 256


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_the_sum_is_the_low_byte_of_the_sum(data: bytes) -> None:
    assert byte_sum(data) == sum(data) % 256
