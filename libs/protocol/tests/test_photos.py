"""Parts of photos become one picture, in whatever order they come."""

import random

from hypothesis import given
from hypothesis import strategies as st

from vt600_protocol import CommandReply, Heartbeat, Message, Photo, PhotoAssembler, PhotoBytes, PhotoPart, PhotoStart

DEVICE = "143190975469"


def part(number: int, data: bytes, *, photo: int = 1, total: int, parts: int) -> PhotoPart:
    return PhotoPart(
        dialect="binary", device_id=DEVICE, code="9988", packet_no=None, raw=b"", content=b"",
        photo=photo, total_bytes=total, parts=parts, part=number, data=data,
    )  # fmt: skip


def start(photo: int = 1) -> PhotoStart:
    return PhotoStart(
        dialect="binary", device_id=DEVICE, code="0800", packet_no=None, raw=b"", content=b"", photo=photo
    )


def piece(name: str, offset: int, data: bytes) -> CommandReply:
    values = PhotoBytes(name=name, offset=offset, size=len(data), data=data)
    return CommandReply(
        dialect="ascii", device_id=DEVICE, code="265", packet_no="A", raw=b"", content=b"",
        answers="265", ok=None, reason=None, values=values, text="",
    )  # fmt: skip


def assembled(messages: list[Message]) -> list[Photo]:
    assembler = PhotoAssembler()
    return [photo for message in messages if (photo := assembler.add(message)) is not None]


@given(st.binary(min_size=1, max_size=3000), st.integers(100, 1000), st.randoms())
def test_a_binary_photo_in_any_order(picture: bytes, size: int, shuffle: random.Random) -> None:
    chunks = [picture[at : at + size] for at in range(0, len(picture), size)]
    parts: list[Message] = [
        part(number, data, total=len(picture), parts=len(chunks)) for number, data in enumerate(chunks)
    ]
    parts += parts[:-1]  # some of them twice
    shuffle.shuffle(parts)

    assert assembled(parts)[0] == Photo(DEVICE, "1", picture)


@given(st.integers(1, 5000), st.randoms())
def test_an_ascii_photo_ends_with_its_short_part(length: int, shuffle: random.Random) -> None:
    picture = bytes(at % 251 for at in range(length if length % 1024 else length + 1))
    pieces: list[Message] = [piece("1.jpg", at, picture[at : at + 1024]) for at in range(0, len(picture), 1024)]
    shuffle.shuffle(pieces)

    assert assembled(pieces) == [Photo(DEVICE, "1.jpg", picture)]


def test_a_photo_that_begins_anew_forgets_what_came_before() -> None:
    old, new = part(0, b"old", total=6, parts=2), part(1, b"new", total=6, parts=2)

    assert assembled([old, start(), new]) == []
    assert assembled([old, start(2), new]) == [Photo(DEVICE, "1", b"oldnew")]


def test_other_messages_pass_by() -> None:
    heartbeat = Heartbeat(dialect="binary", device_id=DEVICE, code="0001", packet_no=None, raw=b"", content=b"")

    assert assembled([heartbeat]) == []


def test_photos_that_never_end_are_given_up() -> None:
    assembler = PhotoAssembler()
    for number in range(20):
        assert assembler.add(part(0, b"x", photo=number, total=9, parts=2)) is None
    for number in range(12):  # the oldest are forgotten: their last part completes nothing
        assert assembler.add(part(1, b"yyyyyyyy", photo=number, total=9, parts=2)) is None
    huge = bytes(1024 * 1024)
    for offset in range(0, 6 * len(huge), len(huge)):
        assert assembler.add(piece("huge", offset, huge)) is None
    assert assembler.add(part(0, b"small", photo=99, total=5, parts=1)) == Photo(DEVICE, "99", b"small")
