"""The generated pages are those of the code, and list nothing that is not decoded."""

import json
from pathlib import Path

import pytest

from vt600_protocol import Message, Unknown, decode_datagram
from vt600_protocol.ascii.decode import KINDS as ASCII_KINDS
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.decode import KINDS as BINARY_KINDS
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.command_types import TABLES
from vt600_protocol.tools.pages import ANSWERS, UPLINKS, commands_page, coverage_page, main

_FOLDER = Path(__file__).parents[3] / "docs" / "protocol"
_RMC = b"104641.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13"
# Code → the smallest content that is that message; the others carry nothing or a place.
_CONTENT = {
    "9999": b"\x01" + _RMC,
    "9016": b"\x01\x02\0\0\0\x01" + _RMC,
    "6688": b"\x01\x00" + _RMC,
    "9966": bytes(60) + b"|120340,280606,2400.0000,N,12100.0000,E",
    "9901": b"," * 14,
    "9902": b"," * 8,
    "0800": b"\x01",
    "9988": b"\x01\0\x01\x01\0x",
    "0F80": b"\x01",
    "9977": b"\x01\x01" + _RMC,
    "000": b"0,,211103013512,A,22.679003,114.045085",
    "010": b"0,,211103013512,A,22.679003,114.045085",
}


def sent(code: str) -> Message:
    content = _CONTENT.get(code, _RMC if code == "9955" else b"")
    frame = (
        build_binary(b"$$", "1234", code, content) if len(code) == 4 else build_ascii(b"&&", "A", "1234", code, content)
    )
    (message,) = decode_datagram(frame).messages
    return message


@pytest.mark.parametrize("name", ["commands.md", "coverage.md"])
def test_a_page_is_what_the_code_says(name: str, tmp_path: Path) -> None:
    (tmp_path / "vectors.json").write_text((_FOLDER / "vectors.json").read_text())
    main(tmp_path)

    assert (_FOLDER / name).read_text() == (tmp_path / name).read_text(), "run: make documents"


def test_every_uplink_of_the_page_is_decoded_and_every_decoded_one_is_on_the_page() -> None:
    decoded = {*BINARY_KINDS} - {*TABLES["binary"].replies} | {*ASCII_KINDS}
    assert decoded == {code for uplinks in UPLINKS.values() for code in uplinks}
    for uplinks in UPLINKS.values():
        for code in uplinks:
            assert type(sent(code)) is not Unknown, code


def test_every_answer_of_the_page_is_decoded() -> None:
    contents = {"4000": b"\x01", "0001": b"\x01", "0002": b"a:1", "8801": b"\x01", "6688": b"\x01\0\0"}
    for code in ANSWERS:
        frame = (
            build_binary(b"@@", "1234", code, contents[code])
            if code in contents
            else build_ascii(b"$$", "A", "1234", code, b"1")
        )
        (message,) = decode_datagram(frame, "device").messages
        assert type(message).__name__ not in ("CommandFrame", "Unknown"), code


def test_proofs_come_from_accepted_vectors_only() -> None:
    vectors = json.loads((_FOLDER / "vectors.json").read_text())["vectors"]
    refused = [{**vector, "strict_result": "reject_checksum"} for vector in vectors]

    assert "capture" in coverage_page(vectors).split("## Uplinks", 1)[1]
    assert "capture" not in coverage_page(refused).split("## Uplinks", 1)[1]
    assert "## set_interval" in commands_page()
