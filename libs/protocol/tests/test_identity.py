"""The identity of a record: the same for every sending of it, another for any other record."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from strategies import ascii_reports

from vt600_protocol import PositionReport, decode_datagram, encode_report, record_id


def arrived(report: PositionReport, **changes: str) -> PositionReport:
    (message,) = decode_datagram(encode_report(replace(report, **changes))).messages  # type: ignore[arg-type]
    assert isinstance(message, PositionReport)
    return message


@given(ascii_reports(), st.sampled_from("ABC"), st.sampled_from("xyz"))
def test_a_record_sent_again_is_the_same_under_any_packet_number_and_when_confirmed(
    report: PositionReport, first: str, second: str
) -> None:
    sendings = {
        record_id(arrived(report, packet_no=first, code="000")),
        record_id(arrived(report, packet_no=second, code="010")),
    }

    assert len(sendings) == 1
    assert len(sendings.pop()) == 32


@given(ascii_reports())
def test_the_same_content_of_another_device_is_another_record(report: PositionReport) -> None:
    other = "1" + report.device_id[1:] if report.device_id[0] != "1" else "2" + report.device_id[1:]

    assert record_id(arrived(report)) != record_id(arrived(report, device_id=other))


@given(ascii_reports(), ascii_reports())
def test_another_content_is_another_record(one: PositionReport, other: PositionReport) -> None:
    first, second = arrived(one, device_id="865429043319537"), arrived(other, device_id="865429043319537")

    assert (record_id(first) == record_id(second)) == (first.content == second.content)
