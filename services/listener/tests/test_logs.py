"""Lines about a frame, a link and a command name them by the same keys as those of every other process."""

from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from vt600_bus.records import Downlink
from vt600_protocol import Identify, encode_command

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def line_of(lines: Lines, event: str) -> dict[str, Any]:
    (found,) = [line for line in lines if line["event"] == event]
    return dict(found)


async def test_a_refused_frame_names_device_and_link(
    bench: "Bench", report_frame: Callable[..., bytes], lines: Lines
) -> None:
    tracker = bench.connect()
    frame = report_frame(DEVICE)
    tracker.send(frame + frame[:-5] + b"\x00" + frame[-4:])
    session = bench.listener.sessions.session_of(DEVICE)

    assert session is not None
    assert (
        line_of(lines, "frame.rejected").items()
        >= {
            "device_id": DEVICE,
            "session_id": session.session_id,
            "peer": session.peer,
            "reason": "checksum",
        }.items()
    )


async def test_a_link_s_life_names_device_and_link(
    bench: "Bench", report_frame: Callable[..., bytes], lines: Lines
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    session = bench.listener.sessions.session_of(DEVICE)
    assert session is not None
    ids = {"device_id": DEVICE, "session_id": session.session_id, "peer": session.peer}
    tracker.link.pause_writing()
    await tracker.hang_up()

    assert line_of(lines, "session.opened").items() >= ids.items()
    assert line_of(lines, "session.closed").items() >= {**ids, "cause": "not_reading"}.items()
    assert line_of(lines, "link.closed").items() >= {**ids, "cause": "not_reading"}.items()


async def test_a_command_s_step_names_command_attempt_device_and_link(
    bench: "Bench", report_frame: Callable[..., bytes], lines: Lines
) -> None:
    bench.connect().send(report_frame(DEVICE))
    session = bench.listener.sessions.session_of(DEVICE)
    assert session is not None
    encoded = encode_command(Identify(), device_id=DEVICE, dialect="binary")
    now = bench.clock.utc_now()
    for attempt, deadline_s in ((1, 60), (2, 0)):
        bench.listener.downlinks.deliver(
            Downlink(
                command_id="c",
                attempt=attempt,
                device_id=DEVICE,
                listener_id=bench.listener.id,
                session_id=session.session_id,
                generation=session.generation,
                dispatched_at=now,
                deadline_at=now + timedelta(seconds=deadline_s),
                payload=encoded.payload,
                reply_code=encoded.reply_code,
            )
        )
    ids = {"command_id": "c", "device_id": DEVICE, "session_id": session.session_id}

    assert line_of(lines, "downlink.written").items() >= {**ids, "attempt": 1}.items()
    assert line_of(lines, "downlink.refused").items() >= {**ids, "attempt": 2, "reason": "too_late"}.items()
