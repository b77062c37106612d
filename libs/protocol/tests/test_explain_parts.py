"""Frames are cut into the parts that the SPEC names, and each says what it means."""

from datetime import datetime

import pytest
from samples import COMMAND_ASCII, COMMAND_BINARY, FUEL, LOGIN, SAMPLES, ascii_frame, frame, only, part

from vt600_protocol import decode_datagram
from vt600_protocol.tools import explain
from vt600_protocol.tools.spelling import bits_text, shown
from vt600_protocol.tools.table import value_text


def test_the_worked_binary_example_is_cut_as_the_spec_does() -> None:
    finding = only(SAMPLES["bin-vt600-alarm-03"])
    found = [(piece.name, piece.raw, piece.value, piece.section) for piece in finding.parts]

    assert (finding.title, finding.direction, finding.dialect, finding.problems) == (
        "position report",
        "up",
        "binary",
        (),
    )
    assert found[:6] == [
        ("header", b"$$", "$$", "§3.1"),
        ("length", b"\0\x8d", 141, "§3.1"),
        ("identity", bytes.fromhex("143190975469FF"), "143190975469", "§3.3"),
        ("command", b"\x99\x99", "9999", "§3.4"),
        ("alarm code", b"\x03", 3, "§3.7"),
        ("time UTC", b"104641.000,", datetime.fromisoformat("2020-01-20T10:46:41Z"), "§3.6"),
    ]
    assert [name for name, *_ in found[6:]] == [
        *(
            "fix",
            "latitude",
            "N or S",
            "longitude",
            "E or W",
            "speed",
            "course",
            "date UTC",
            "variation",
            "NMEA checksum",
        ),
        *("HDOP", "altitude", "state", "AD list", "base ID", "CSQ", "journey", "satellites", "CRC", "end"),
    ]
    assert part(finding, "alarm code").meaning == "input_active 3, an alarm"
    assert part(finding, "fix").meaning == "no fix; a place is the last known one"
    assert part(finding, "speed").meaning == "0.00 knots"
    assert part(finding, "state").meaning == "input 3 active (bit 10), external power, inferred (bit 13)"
    assert part(finding, "AD list").meaning == "AD3 as supply 12.00 V, AD4 as battery 3.80 V, inferred"
    assert part(finding, "base ID").value == "mcc 520, mnc 5, lac 6111, cell_id 15952015"
    assert part(finding, "variation").meaning == "blank"
    assert part(finding, "NMEA checksum").raw == b"*13|"
    assert (part(finding, "journey").value, part(finding, "journey").unit) == (7094, "m")


def test_the_worked_ascii_example_is_cut_as_the_spec_does() -> None:
    finding = only(FUEL)
    names = [piece.name for piece in finding.parts]

    assert names == [
        *("header", "packet number", "length", "identity", "command", "event code", "event data", "time UTC", "fix"),
        *("latitude", "longitude", "satellites", "HDOP", "speed", "course", "altitude", "odometer", "cell", "signal"),
        *("system status", "inputs", "outputs", "voltages", "pro-code", "fuel", "sum", "end"),
    ]
    assert part(finding, "packet number").value == "W"
    assert part(finding, "length").value == 149
    assert part(finding, "event code").meaning == "interval"
    assert part(finding, "voltages").meaning == "supply 26.47 V, battery 3.60 V, AD1 0.00 V, AD2 0.00 V"
    assert part(finding, "fuel").value == "tank 1, litres 0.0"
    assert part(finding, "inputs").meaning == "no bit set"
    assert str(part(finding, "system status").meaning).startswith("server 2 connected (bit 1), fix valid (bit 2)")


def test_driver_texts_obd_and_temperatures_are_parts() -> None:
    card, obd = only(SAMPLES["bin-vt900-card-75"]), only(SAMPLES["asc-obd-x164"])
    extended, sensors = only(ascii_frame(FUEL[7:-4] + b",,,else")), only(SAMPLES["asc-pos-A147"])
    driver = only(FUEL[:-4].replace(b",1,010000", b",131,,,,^A, B;") + b"00\r\n")

    assert part(card, "driver text").section == "§3.6"
    assert str(part(obd, "OBD").value).startswith("rpm 686, engine_load_pct 33")
    assert part(extended, "extra field").raw == b"else"
    assert part(sensors, "temperature").value == "sensor 1, celsius 31.7; sensor 2, celsius -30.9"
    assert (part(driver, "driver text").value, part(driver, "driver text").raw) == ("^A, B;", b"^A, B;")


def test_commands_and_replies_are_named() -> None:
    binary, ascii_, reply = only(COMMAND_BINARY), only(COMMAND_ASCII), only(SAMPLES["asc-reply-129-ok"])
    answer, unknown = only(SAMPLES["bin-fam-loginreply-26016100901"]), only(SAMPLES["bin-doc-4303"])

    assert (binary.title, binary.direction, part(binary, "command").section) == (
        "command set_interval",
        "down",
        "§3.10",
    )
    assert str(part(binary, "data").meaning).startswith("set_interval interval_s ")
    assert (ascii_.title, ascii_.direction, ascii_.dialect) == ("command set_output", "down", "ascii")
    assert part(ascii_, "command").section == "§4.7"
    assert (part(ascii_, "data").value, part(ascii_, "data").raw) == ("1,1", b"1,1")
    assert (reply.title, part(reply, "data").value) == ("reply to 129", "OK")
    assert (answer.title, part(answer, "data").meaning) == ("login reply", "accepted True")
    assert part(unknown, "data").value == unknown.raw[13:-4].decode()


def test_stored_and_logged_records_are_cut_like_positions() -> None:
    stored, logged = only(SAMPLES["bin-fam-retrans-1"]), only(SAMPLES["bin-doc-9016-reply"])
    twice = stored.raw[14:-4] + b"\\" + stored.raw[14:-4]
    two = only(frame("6688", b"\2" + twice))

    assert (stored.title, part(stored, "count").value, part(stored, "command").section) == ("stored records", 1, "§3.8")
    assert part(stored, "latitude").value == decode_datagram(stored.raw).messages[0].records[0].latitude  # type: ignore[attr-defined]
    assert [piece.raw for piece in two.parts if piece.name == "separator"] == [b"\\"]
    assert [piece.name for piece in two.parts].count("alarm code") == 2
    assert (logged.title, part(logged, "server random").length) == ("reply to 9016", 1)
    assert part(logged, "records stored").length == 4
    assert part(logged, "latitude").value == decode_datagram(logged.raw).messages[0].report.latitude  # type: ignore[attr-defined]


def test_the_place_of_a_photo_is_a_position() -> None:
    finding = only(frame("9977", b"\1\2" + SAMPLES["bin-doc-9955"][13:-4]))

    assert (part(finding, "photo").value, part(finding, "kind").value) == ("1", 2)
    assert isinstance(part(finding, "latitude").value, float)


def test_extras_and_event_data_are_read_by_their_kind() -> None:
    ignition = only(ascii_frame(FUEL[7:-4].replace(b",1,010000", b",129,,,,3600")))
    trouble = only(ascii_frame(FUEL[7:-4].replace(b",000,0,,", b",000,56,00019501,")))

    assert (part(ignition, "ignition on").value, part(ignition, "ignition on").unit) == (3600, "s")
    assert part(trouble, "event data").meaning == "code P0195, state solved"


def test_an_identity_that_was_never_set_is_said_to_be_none() -> None:
    assert part(only(SAMPLES["bin-fam-pos-zero-id"]), "identity").meaning == "all zeros: it was never set"
    assert part(only(ascii_frame(b"0000,000")), "identity").meaning == "all zeros: it was never set"


def test_heartbeats_and_rubbish_are_findings() -> None:
    explanation = explain(b"\0\0" + LOGIN + b"\0GET /\0" + LOGIN + b"\0", "up")

    assert [(finding.kind, len(finding.raw)) for finding in explanation.findings] == [
        ("heartbeat", 2), ("frame", len(LOGIN)), ("heartbeat", 1), ("rubbish", 5), ("heartbeat", 1), ("frame", len(LOGIN)), ("heartbeat", 1),
    ]  # fmt: skip
    assert explanation.findings[3].problems == ("5 bytes that are no frame",)
    assert only(b"G").problems == ("1 byte that is no frame",)
    assert explain(b"").findings == ()
    assert explain(b"").is_good


def test_other_makers_fields_are_shown_and_not_read() -> None:
    finding = only(SAMPLES["bin-fam-pos-26016-a"])
    unread = [piece.name for piece in finding.parts if piece.meaning == "unreadable"]

    assert "state" in unread
    assert part(finding, "state").value is None


def test_bits_are_spelled() -> None:
    assert bits_text(None, {}) is None
    assert bits_text(0, {}) == "no bit set"
    assert bits_text(0b1010, {1: "one"}) == "one (bit 1), unknown (bit 3)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (1, "1"), (7.0, "7"), (98.36963, "98.36963"), ("a", "a")],
)
def test_values_are_words(value: str | float | None, text: str) -> None:
    assert value_text(value) == text
    assert value_text(datetime.fromisoformat("2020-01-02T03:04:05.500+00:00")) == "2020-01-02T03:04:05.500000Z"


def test_fields_of_any_kind_are_shown_as_one_value() -> None:
    assert shown(b"\xab") == "AB"
    assert shown(()) is None
    assert shown({"a": 1}) == "{'a': 1}"
