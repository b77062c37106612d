"""What can be explained at once: a piece of hex, the lines of a file, the streams and datagrams of a capture."""

from collections.abc import Iterator
from dataclasses import dataclass

from vt600_protocol.tools.capture import is_capture, read_capture
from vt600_protocol.tools.hex_input import InputError, read_hex


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that went one way, one behind the other; `name` is empty for the only one."""

    name: str
    data: bytes


def sources_of_hex(text: str) -> list[Source]:
    """One piece of hex."""
    return [Source("", read_hex(text))]


def sources_of_file(content: bytes) -> list[Source]:
    """A capture's streams and datagrams; else each line of hex for itself, without the blank ones and those that begin with `#`."""
    if is_capture(content):
        return [Source(name, data) for name, data in read_capture(content)]
    found = list(_lines(content.decode("latin-1")))
    if not found:
        raise InputError("invalid_hex", "there is no line of hex")
    return found if len(found) > 1 else [Source("", found[0].data)]


def _lines(text: str) -> Iterator[Source]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield Source(f"line {number}", read_hex(line))
        except InputError as error:
            raise InputError(error.code, f"line {number}: {error}") from error
