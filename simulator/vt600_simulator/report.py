"""What a fleet did, so that it can be compared with what the gateway stored."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vt600_simulator.fleet import Fleet
from vt600_simulator.tracker import Record, Tracker


def summary(fleet: Fleet) -> dict[str, Any]:
    """Counts over the fleet: reports made, written, confirmed; commands; reconnects."""
    records = [(tracker, record) for tracker in fleet.trackers for record in tracker.records]
    written = [(tracker, record) for tracker, record in records if record.writes]
    return {
        "trackers": len(fleet.trackers),
        "reconnects": fleet.reconnects,
        "reports_made": len(records),
        "reports_written": len(written),
        "reports_written_again": sum(record.writes - 1 for _tracker, record in written),
        "reports_to_be_confirmed": sum(tracker.confirmed_mode for tracker, _record in written),
        "reports_confirmed": sum(record.confirmed for _tracker, record in written),
        "reports_written_to_a_lost_link": sum(record.link_lost_at is not None for _tracker, record in written),
        "reports_by_udp": sum(tracker.transport == "udp" for tracker, _record in written),
        "commands_received": sum(len(tracker.commands) for tracker in fleet.trackers),
    }


def write_journal(fleet: Fleet, path: Path) -> None:
    """One JSON line for each report made, and one for each command received."""
    with path.open("w") as file:
        for tracker in fleet.trackers:
            for record in tracker.records:
                file.write(json.dumps(_report_line(tracker, record)) + "\n")
            for command in tracker.commands:
                line = {
                    "kind": "command",
                    "device_id": command.device_id,
                    "code": command.code,
                    "received_at": command.received_at.isoformat(),
                    "received": command.received.hex(),
                    "link": command.link,
                    "manner": command.manner,
                    "answers": [{"at": sent.at.isoformat(), "data": sent.data.hex()} for sent in command.answers],
                }
                file.write(json.dumps(line) + "\n")


def _report_line(tracker: Tracker, record: Record) -> dict[str, Any]:
    time = record.report.device_time
    lost = record.link_lost_at
    return {
        "kind": "report",
        "device_id": tracker.device_id,
        "dialect": tracker.dialect,
        "transport": tracker.transport,
        "code": record.report.code,
        "device_time": None if time is None else time.isoformat(),
        "odometer_m": record.odometer_m,
        "writes": record.writes,
        "written_at": datetime.fromtimestamp(record.written_at, UTC).isoformat() if record.writes else None,
        "to_be_confirmed": tracker.confirmed_mode and record.report.confirm,
        "confirmed": record.confirmed,
        "link_lost_at": None if lost is None else datetime.fromtimestamp(lost, UTC).isoformat(),
    }
