"""The bytes of a frame in the journal → the report that the present decoder reads in them."""

from collections.abc import Sequence
from dataclasses import fields

from msgspec import convert

from vt600_bus.records import Extras, ReportFields
from vt600_protocol import LoggedPosition, Message, PositionReport, StoredRecords, decode_datagram, record_id

_SHARED = [name for name in ReportFields.__struct_fields__ if name in {field.name for field in fields(PositionReport)}]
_NO_EXTRAS = Extras()


def read_report(raw: bytes, frame_id: str) -> ReportFields | None:
    """The report of a frame, None when there is none. Of several in one frame it is the one of the identity."""
    reports = [report for message in decode_datagram(raw).messages for report in _reports_in(message)]
    if len(reports) > 1:
        reports = [report for report in reports if record_id(report) == frame_id]
    return report_fields(reports[0]) if reports else None


def _reports_in(message: Message) -> Sequence[PositionReport]:
    match message:
        case PositionReport():
            return (message,)
        case StoredRecords(records=records):
            return records
        case LoggedPosition(report=report):
            return (report,)
    return ()


def report_fields(report: PositionReport) -> ReportFields:
    """The report as it travels on the bus."""
    cell = report.cell
    extras = convert({name: getattr(report, name) for name in Extras.__struct_fields__}, Extras, from_attributes=True)
    return ReportFields(
        kind="alarm" if report.is_alarm else "position",
        mcc=None if cell is None else cell.mcc,
        mnc=None if cell is None else cell.mnc,
        lac=None if cell is None else cell.lac,
        cell_id=None if cell is None else cell.cell_id,
        extras=None if extras == _NO_EXTRAS else extras,
        **{name: getattr(report, name) for name in _SHARED},
    )
