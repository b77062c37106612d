"""A decoded message becomes a record on the bus, and says what the unit is answered and when.

A confirmation makes the unit erase its copy, so it is never in `now`: it waits until the broker holds that very frame.
"""

import asyncio
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog

from vt600_bus.records import DeliveryReport, ReportFields, Uplink
from vt600_bus.topics import DELIVERY_REPORTS, UPLINKS
from vt600_listener.details import details_of, kind_of
from vt600_listener.flow import Flow
from vt600_listener.frame_identity import event_id
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices, RecordPublisher
from vt600_listener.report_fields import report_fields
from vt600_listener.session import Motion, Session, ids_of
from vt600_protocol import (
    DECODER_VERSION,
    CommandReply,
    CompressedRecords,
    Heartbeat,
    LoggedPosition,
    Login,
    Message,
    PhotoEnd,
    PhotoStart,
    PositionReport,
    ServerQuery,
    StoredRecords,
    encode_confirmation,
    encode_heartbeat_reply,
    encode_login_reply,
    encode_photo_reply,
    encode_server_address,
    record_id,
)
from vt600_runtime.tracing import Step, Tracer

_log = structlog.get_logger()

PHOTO_CODE = "0800"  # what answers a request for a photo (SPEC §3.9)


class Receipt(NamedTuple):
    """`future` is done when the broker holds the frame. `now` may be written at once, `when_durable` only after that."""

    future: "asyncio.Future[None]"
    now: bytes | None
    when_durable: bytes | None


class Uplinks:
    """Publishes what devices send."""

    def __init__(
        self,
        *,
        publisher: RecordPublisher,
        notices: Notices,
        flow: Flow,
        listener_id: str,
        metrics: Metrics,
        public_address: str | None,
        tracer: Tracer,
    ) -> None:
        self._publisher = publisher
        self._notices = notices
        self._flow = flow
        self._listener_id = listener_id
        self._metrics = metrics
        self._public_address = public_address
        self._tracer = tracer
        self._events = 0

    def accept(self, message: Message, session: Session, received_at: datetime) -> Receipt:
        """Publishes the message as it came over this session."""
        if type(message) is PositionReport:
            return self._accept_report(message, session, received_at)
        match message:
            case StoredRecords(records=records):
                *_, last = [self._publish_report(record, session, received_at) for record in records]
                return Receipt(last, None, None)
            case LoggedPosition():
                future = self._publish_report(message.report, session, received_at)
                self._report_reply(message, session, received_at)
                return Receipt(future, None, None)
            case CompressedRecords():
                # The layout of `020` is not published, but its raw bytes in Kafka are the record: safe, so confirmed (0005).
                future = self._publish(message, session, received_at, record_id(message), None)
                return Receipt(future, None, encode_confirmation(message))
        self._events += 1
        frame_id = event_id(message, session_id=session.session_id, received_at=received_at, number=self._events)
        future = self._publish(message, session, received_at, frame_id, None)
        if isinstance(message, CommandReply):
            _log.debug("reply.received", **ids_of(session), frame_id=frame_id, code=message.code)
            self._report_reply(message, session, received_at)
        elif isinstance(message, PhotoStart):
            self._report_awaited(message, session, received_at)
        return Receipt(future, *self._answers(message))

    def _answers(self, message: Message) -> tuple[bytes | None, bytes | None]:
        """What may be written at once, and what only when the frame is durable."""
        match message:
            case Login():
                return self._login_reply(message), None
            case Heartbeat(dialect="binary"):
                return encode_heartbeat_reply(message), None
            case PhotoStart() | PhotoEnd():
                return None, encode_photo_reply(message)
            case ServerQuery() if self._public_address is not None:
                return encode_server_address(message, address=self._public_address), None
        return None, None

    def _accept_report(self, message: PositionReport, session: Session, received_at: datetime) -> Receipt:
        future = self._publish_report(message, session, received_at)
        if session.awaited is not None:
            self._report_awaited(message, session, received_at)
        return Receipt(future, None, encode_confirmation(message) if message.confirm else None)

    def _publish_report(
        self, message: PositionReport, session: Session, received_at: datetime
    ) -> "asyncio.Future[None]":
        known, time = session.motion, message.device_time
        if time is not None and (known is None or time >= known.device_time or known.device_time > received_at):
            session.motion = Motion(time, received_at, message.speed_kmh if message.fix_valid else None)
        return self._publish(message, session, received_at, record_id(message), report_fields(message))

    def _publish(
        self,
        message: Message,
        session: Session,
        received_at: datetime,
        frame_id: str,
        report: ReportFields | None,
    ) -> "asyncio.Future[None]":
        device_id = message.device_id
        kind = kind_of(message) if report is None else report.kind
        record = Uplink(
            frame_id=frame_id,
            device_id=device_id,
            dialect=message.dialect,
            transport=session.transport,
            peer=session.peer,
            listener_id=self._listener_id,
            session_id=session.session_id,
            generation=session.generation,
            received_at=received_at,
            kind=kind,
            code=message.code,
            raw=message.raw,
            decoder=DECODER_VERSION,
            packet_no=message.packet_no,
            report=report,
            details=details_of(message) if report is None else None,
        )
        step = self._tracer.begin("frame.accept") if self._tracer.on else None
        if step is None:
            future = self._publisher.publish(UPLINKS, device_id, record)
        else:
            future = self._publisher.publish(UPLINKS, device_id, record, step.traceparent)
            facts = {**ids_of(session), "frame_id": frame_id, "kind": kind, "transport": session.transport}
            future.add_done_callback(partial(_end, step, facts))
        self._metrics.count_frame(session.transport, message.dialect, kind)
        return future

    def _login_reply(self, message: Login) -> bytes | None:
        # The unit repeats its login until it is answered (SPEC §3.5), so silence tells it to keep its records.
        if self._flow.healthy:
            return encode_login_reply(message, accepted=True)
        self._metrics.logins_unanswered.inc()
        return None

    def _report_reply(self, message: CommandReply, session: Session, received_at: datetime) -> None:
        self._notices.publish(
            DELIVERY_REPORTS,
            session.device_id,
            DeliveryReport(
                device_id=session.device_id,
                listener_id=self._listener_id,
                session_id=session.session_id,
                generation=session.generation,
                outcome="replied",
                at=received_at,
                reason=message.reason,
                code=message.code,
                packet_no=message.packet_no,
                ok=message.ok,
                text=message.text,
                payload=message.raw,
            ),
            self._trace_reply(session, message.code),
        )

    def _report_awaited(self, message: PositionReport | PhotoStart, session: Session, received_at: datetime) -> None:
        """A position or a photo answers the command that asked for one; code and packet number are those that it waits for."""
        awaited = session.awaited
        if awaited is None or (awaited.reply_code == PHOTO_CODE) != isinstance(message, PhotoStart):
            return
        session.awaited = None
        if received_at > awaited.deadline_at:
            return
        self._notices.publish(
            DELIVERY_REPORTS,
            session.device_id,
            DeliveryReport(
                device_id=session.device_id,
                listener_id=self._listener_id,
                session_id=session.session_id,
                generation=session.generation,
                outcome="replied",
                at=received_at,
                code=awaited.reply_code,
                packet_no=awaited.packet_no,
                ok=True,
                payload=message.raw,
                certain=isinstance(message, PositionReport) and message.event == "position_request",
            ),
            self._trace_reply(session, awaited.reply_code),
        )

    def _trace_reply(self, session: Session, code: str) -> str | None:
        """The trace that a reply belongs to: that of the last write, if it is traced and answered by this code."""
        if session.traced is None or session.traced.reply_code != code:
            return None
        step = self._tracer.follow("command.reply", session.traced.traceparent, **ids_of(session), code=code)
        session.traced = None
        if step is None:
            return None
        step.end()
        return step.traceparent


def _end(step: Step, facts: dict[str, str], _durable: "asyncio.Future[None]") -> None:
    step.end(**facts)
