"""Devices to take on as CSV, the way spreadsheets write it: a header, then a line for each."""

import csv
import io
from collections.abc import Iterator

from pydantic import ValidationError

from vt600_api.errors import ApiError
from vt600_api.pending.schemas import MOST_AT_ONCE, AdoptList, ToAdopt

CSV_BODY = {
    "requestBody": {
        "content": {"text/csv": {"schema": {"type": "string"}, "example": "device_id,name\r\n143190975469,bus 7\r\n"}}
    }
}

_HEADER = ["device_id", "name"]
_ERRORS_SHOWN = 100


def read_list(body: object) -> object:
    """The list in a body that is no JSON; ApiError `invalid_csv` with every line that is wrong."""
    if not isinstance(body, bytes):
        return body
    errors: list[dict[str, str]] = []
    lines: dict[str, int] = {}
    devices: list[ToAdopt] = []
    try:
        for number, cells in _rows(body):
            try:
                device = _device(cells)
            except ValueError as error:
                errors.append(_at(number, error))
                continue
            if device.device_id in lines:
                errors.append(_at(number, f"{device.device_id} is in line {lines[device.device_id]} already"))
            lines[device.device_id] = number
            devices.append(device)
    except _FileError as error:
        errors.append(_at(error.line, error))
    if not errors and not 1 <= len(devices) <= MOST_AT_ONCE:
        raise ApiError(422, "invalid_csv", f"A list names 1 to {MOST_AT_ONCE} devices; this one has {len(devices)}.")
    if errors:
        raise ApiError(
            422, "invalid_csv", f"{len(errors)} lines are wrong; no device was taken on.", errors=errors[:_ERRORS_SHOWN]
        )
    return AdoptList(devices=devices)


class _FileError(ValueError):
    """From this line on nothing can be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _rows(body: bytes) -> Iterator[tuple[int, list[str]]]:
    """Every row but the header and empty ones, with the line on which it begins."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _FileError(body.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        if [cell.strip() for cell in next(reader, [])] != _HEADER:
            raise _FileError(1, f"the header must be {','.join(_HEADER)}")
        number = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise _FileError(number, str(error)) from None


def _device(cells: list[str]) -> ToAdopt:
    if len(cells) != len(_HEADER):
        raise ValueError(f"{len(cells)} cells, should be {len(_HEADER)}")
    device_id, name = (cell.strip() for cell in cells)
    try:
        return ToAdopt(device_id=device_id, name=name or None)
    except ValidationError as error:
        found = error.errors()[0]
        raise ValueError(f"{found['loc'][0]}: {found['msg']}") from None


def _at(line: int, message: object) -> dict[str, str]:
    return {"where": f"line {line}", "message": str(message)}
