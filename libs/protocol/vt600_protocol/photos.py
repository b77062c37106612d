"""Photos: the frames that carry them, and their assembly into one picture (SPEC §3.9, §4.7 `265`)."""

from dataclasses import dataclass, field

from vt600_protocol.messages import CommandReply, Message
from vt600_protocol.replies import PhotoBytes

_ASCII_PART_BYTES = 1024  # a shorter part is the last (SPEC §4.7; I)
_MAX_PHOTO_BYTES = 4 * 1024 * 1024
_MAX_PHOTOS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoStart(Message):
    """A photo begins: `0800` (SPEC §3.9; C, R). Its frames may carry `FFFF` instead of a CRC (§3.2)."""

    photo: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPart(Message):
    """A part of a photo, counted from 0: `9988` (SPEC §3.9; R)."""

    photo: int
    total_bytes: int
    parts: int
    part: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoEnd(Message):
    """A photo is complete: `0F80` (SPEC §3.9; R)."""

    photo: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoReply(Message):
    """The server's answer to the start or the end of a photo: `8801`, `6688` (SPEC §3.9; R)."""

    photo: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Photo:
    """A whole picture. `name` is the index (binary) or the file's name (ASCII)."""

    device_id: str
    name: str
    data: bytes


@dataclass(slots=True)
class _Growing:
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    def add(self, place: int, data: bytes) -> None:
        self.size += len(data) - len(self.parts.get(place, b""))
        self.parts[place] = data


class PhotoAssembler:
    """Puts the parts of photos together, in whatever order they come and however often.

    It holds at most 8 photos that are under way, each of at most 4 MiB; the oldest is given up for a new one.
    """

    def __init__(self) -> None:
        self._growing: dict[tuple[str, str], _Growing] = {}

    def add(self, message: Message) -> Photo | None:
        """The photo that this message completes, if any. Messages of other kinds are let pass."""
        match message:
            case PhotoStart(device_id=device_id, photo=photo):
                self._growing.pop((device_id, str(photo)), None)
            case PhotoPart(device_id=device_id, photo=photo, parts=parts, total_bytes=total):
                growing = self._add(device_id, str(photo), message.part, message.data)
                if growing is not None and growing.size == total and len(growing.parts) == parts:
                    return self._finish(device_id, str(photo))
            case CommandReply(device_id=device_id, values=PhotoBytes(name=name, offset=offset, data=data)):
                growing = self._add(device_id, name, offset, data)
                if growing is not None and _reaches_its_end(growing):
                    return self._finish(device_id, name)
        return None

    def _add(self, device_id: str, name: str, place: int, data: bytes) -> _Growing | None:
        key = device_id, name
        growing = self._growing.setdefault(key, _Growing())
        growing.add(place, data)
        if growing.size > _MAX_PHOTO_BYTES:
            del self._growing[key]
            return None
        if len(self._growing) > _MAX_PHOTOS:
            del self._growing[next(iter(self._growing))]
        return growing

    def _finish(self, device_id: str, name: str) -> Photo:
        parts = self._growing.pop((device_id, name)).parts
        return Photo(device_id, name, b"".join(parts[place] for place in sorted(parts)))


def _reaches_its_end(growing: _Growing) -> bool:
    """Whether the parts follow each other without a gap up to one that is shorter than a part is."""
    expected = 0
    for offset in sorted(growing.parts):
        if offset != expected:
            return False
        expected += len(growing.parts[offset])
    return len(growing.parts[max(growing.parts)]) < _ASCII_PART_BYTES
