"""A decoded message becomes a record on the bus, and says what the unit is answered and when.

A confirmation makes the unit erase its copy, so it is never in `now`: it waits until the broker holds that very frame.
"""

import asyncio
from datetime import datetime
from typing import Literal, NamedTuple

from vt600_bus.records import DeliveryReport, ReportFields, Uplink
from vt600_bus.topics import DELIVERY_REPORTS, UPLINKS
from vt600_listener.flow import Flow
from vt600_listener.frame_identity import event_id, record_id
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices, RecordPublisher
from vt600_listener.report_fields import report_fields
from vt600_listener.session import Session
from vt600_protocol import (
    DECODER_VERSION,
    CommandReply,
    Heartbeat,
    Login,
    Message,
    PositionReport,
    Unknown,
    encode_confirmation,
    encode_login_reply,
)

EventKind = Literal["login", "heartbeat", "reply", "unknown"]

_EVENT_KINDS: dict[type[Message], EventKind] = {Login: "login", Heartbeat: "heartbeat", CommandReply: "reply"}


class Receipt(NamedTuple):
    """`future` is done when the broker holds the frame. `now` may be written at once, `when_durable` only after that."""

    future: "asyncio.Future[None]"
    now: bytes | None
    when_durable: bytes | None


class Uplinks:
    """Publishes what devices send."""

    def __init__(
        self, *, publisher: RecordPublisher, notices: Notices, flow: Flow, listener_id: str, metrics: Metrics
    ) -> None:
        self._publisher = publisher
        self._notices = notices
        self._flow = flow
        self._listener_id = listener_id
        self._metrics = metrics
        self._events = 0

    def accept(self, message: Message, session: Session, received_at: datetime) -> Receipt:
        """Publishes the message as it came over this session."""
        if type(message) is PositionReport:
            return self._accept_report(message, session, received_at)
        kind = _EVENT_KINDS.get(type(message), "unknown")
        confirm = type(message) is Unknown and message.confirm
        if confirm:
            # The layout of `020` is not published, but its raw bytes in Kafka are the record: safe, so confirmed (0005).
            frame_id = record_id(message)
        else:
            self._events += 1
            frame_id = event_id(message, session_id=session.session_id, received_at=received_at, number=self._events)
        future = self._publish(message, session, received_at, frame_id, kind, None)
        if type(message) is CommandReply:
            self._report_reply(message, session, received_at)
        now = self._login_reply(message) if type(message) is Login else None
        return Receipt(future, now, encode_confirmation(message) if confirm else None)

    def _accept_report(self, message: PositionReport, session: Session, received_at: datetime) -> Receipt:
        report = report_fields(message)
        future = self._publish(message, session, received_at, record_id(message), report.kind, report)
        if session.awaited is not None:
            self._report_awaited(message, session, received_at)
        return Receipt(future, None, encode_confirmation(message) if message.confirm else None)

    def _publish(
        self,
        message: Message,
        session: Session,
        received_at: datetime,
        frame_id: str,
        kind: Literal["position", "alarm"] | EventKind,
        report: ReportFields | None,
    ) -> "asyncio.Future[None]":
        device_id = message.device_id
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
        )
        future = self._publisher.publish(UPLINKS, device_id, record)
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
        )

    def _report_awaited(self, message: PositionReport, session: Session, received_at: datetime) -> None:
        """Position-now is answered by the next position; code and packet number are those that the command waits for."""
        awaited = session.awaited
        session.awaited = None
        if awaited is None or received_at > awaited.deadline_at:
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
            ),
        )
