"""Records on the wire: today's and those of old."""

from pathlib import Path

import msgspec
import pytest

from vt600_bus import RecordError, decode, encode
from vt600_bus.records import Report, Session, Uplink
from vt600_bus.topics import TOPICS

GOLDEN = Path(__file__).parent / "golden"
BY_TAG = {topic.record.__struct_config__.tag: topic.record for topic in TOPICS}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_an_old_sample_still_decodes_to_the_same(path: Path) -> None:
    data = path.read_bytes().strip()
    record = BY_TAG[path.stem]

    assert msgspec.json.decode(encode(decode(record, data))) == msgspec.json.decode(data)


def test_there_is_a_sample_of_every_record() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(BY_TAG)


def test_unknown_fields_are_ignored() -> None:
    data = (GOLDEN / "vt600.session.v1.json").read_bytes()

    assert decode(Session, data.replace(b"{", b'{"new_field": [1, {}], ', 1)) == decode(Session, data)


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"schema":"vt600.report.v1"}',
        b'{"schema":"vt600.uplink.v1","frame_id":1}',
        b'{"schema":"vt600.uplink.v2"}',
    ],
)
def test_what_is_no_uplink_is_a_record_error(data: bytes | None) -> None:
    with pytest.raises(RecordError, match="Uplink"):
        decode(Uplink, data)


def test_absent_is_left_out_and_comes_back_as_null() -> None:
    report = decode(Report, (GOLDEN / "vt600.report.v1.json").read_bytes())

    assert report.battery_v is None
    assert b"battery_v" not in encode(report)
