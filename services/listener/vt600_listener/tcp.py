"""One TCP connection: bytes in, records out, answers back, and never more in memory than its window allows.

Reading stops while the window of frames that are not durable is full, or while the bus has no room; the unit's own TCP stack and
flash memory hold the rest. There is no timer and no task per link: SessionRegistry.sweep asks each one whether it is overdue.
"""

import asyncio
from datetime import datetime
from enum import IntFlag
from typing import cast

import structlog

from vt600_bus import PublisherFull, RecordTooLarge
from vt600_bus.records import Transport
from vt600_listener.context import LinkContext
from vt600_listener.peers import host_of, peer_text
from vt600_listener.session import Session, require_identity
from vt600_protocol import Connection, Message, ProtocolError

_log = structlog.get_logger()

# Ends of a link that say something about the peer, worth a line each; the others are counted only.
_BAD_CAUSES = frozenset({"rubbish", "half_frame", "no_frame", "not_reading", "bus_full", "bus_failed"})


class _Pause(IntFlag):
    """Why a link is not read."""

    NONE = 0
    WINDOW = 1
    BUS = 2
    FINISH = 4


class TcpLink(asyncio.BufferedProtocol):
    """A unit's connection. `in_flight` counts its frames that the broker does not hold yet."""

    __slots__ = (
        "_address",
        "_cause",
        "_connection",
        "_context",
        "_eof_sent",
        "_finishing",
        "_half_since",
        "_last_seen",
        "_paused",
        "_reading",
        "_rejects",
        "_transport",
        "in_flight",
        "peer",
        "session",
    )

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._connection: Connection | None = None
        self._address: str | None = None
        self._cause: str | None = None
        self._finishing: str | None = None
        self._eof_sent = False
        self._paused = _Pause.NONE
        self._reading = True
        self._rejects = 0
        self._half_since = 0.0
        self._last_seen = 0.0
        self.in_flight = 0
        self.peer = ""
        self.session: Session | None = None

    @property
    def transport_name(self) -> Transport:
        """How it reached us."""
        return "tcp"

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets the peer in, or closes at once."""
        self._transport = cast("asyncio.Transport", transport)
        context = self._context
        address = transport.get_extra_info("peername")
        reason = "gone" if address is None else context.admission.enter(host_of(address))
        if reason is not None:
            context.metrics.links_refused.labels(reason).inc()
            self._transport.abort()
            return
        self._address = host_of(address)
        self.peer = peer_text(address)
        self._last_seen = context.clock.monotonic()
        context.registry.links.add(self)
        context.metrics.links_opened.inc()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the event loop's name
        """Where the next read goes."""
        return self._context.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The socket had so many bytes."""
        connection = self._connection
        if connection is None:
            connection = self._connection = Connection()
        connection.receive_data(bytes(self._context.read_buffer[:nbytes]))
        self._take_messages(connection)

    def pause_writing(self) -> None:
        """The peer has left a full write buffer of answers unread."""
        self.close("not_reading")

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone; what it had sent whole is still taken."""
        if self._address is None:
            return
        context = self._context
        if self._cause is None:
            self._cause = self._finishing or ("reset" if exc is not None else "closed_by_peer")
        if self._connection is not None:
            self._take_rest(self._connection)
        context.registry.links.discard(self)
        context.admission.leave(self._address)
        if self.session is not None:
            context.registry.close(self.session, self._cause)
        context.metrics.links_closed.labels(self._cause).inc()
        if self._cause in _BAD_CAUSES:
            _log.warning("link.closed", peer=self.peer, cause=self._cause, rejects=self._rejects)
        self._address = None
        self._transport = None
        self._connection = None

    # What the rest of the listener calls.

    def is_writable(self) -> bool:
        """Whether bytes written now leave at once: the peer reads, and the link is not on its way out."""
        transport = self._transport
        return (
            transport is not None
            and self._cause is None
            and self._finishing is None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def write(self, data: bytes) -> None:
        """Sends bytes, unless the link has ended for that direction."""
        transport = self._transport
        if transport is not None and self._cause is None and not self._eof_sent and not transport.is_closing():
            transport.write(data)

    def durable(self, frames: int, confirmations: list[bytes]) -> None:
        """The broker holds so many frames: they are confirmed, and the window opens."""
        self.in_flight -= frames
        if confirmations and self._transport is not None:
            self.write(b"".join(confirmations))
            self._context.metrics.confirmations.inc(len(confirmations))
        if self._finishing is not None and not self._eof_sent:
            if self.in_flight == 0:
                self._send_eof()
        elif self._paused & _Pause.WINDOW and self.in_flight <= self._context.settings.window_frames // 2:
            self._unpause(_Pause.WINDOW)

    def lost(self, frames: int) -> None:
        """So many frames never reached the broker: nothing is confirmed, the unit has to come back."""
        self.in_flight -= frames
        self.close("bus_failed")

    def unpark(self) -> None:
        """The bus has room again."""
        self._unpause(_Pause.BUS)

    def overdue(self, now: float) -> str | None:
        """Why the link should be closed by now. One that we do not read cannot be late."""
        if self._paused or self._cause is not None:
            return None
        context = self._context
        settings = context.settings
        silent_s = now - self._last_seen
        if self._half_since and now - self._half_since > settings.half_frame_timeout_s:
            return "half_frame"
        if self.session is None:
            return "no_frame" if silent_s > settings.first_frame_timeout_s else None
        return "idle" if silent_s > context.idle_timeout_s(self.session.dialect) else None

    def close(self, cause: str) -> None:
        """Ends the link now. Answers that the peer has not read are dropped."""
        if self._transport is None or self._cause is not None:
            return
        self._cause = cause
        if self.session is not None:
            self._context.registry.close(self.session, cause)
        self._transport.abort()

    def finish(self, cause: str) -> None:
        """Ends the link without losing what is on its way: confirmations, then FIN, then whatever the unit still sends."""
        if self._transport is None or self._cause is not None or self._finishing is not None:
            return
        self._finishing = cause
        if self.session is not None:
            self._context.registry.close(self.session, cause)
        if self.in_flight == 0:
            self._send_eof()
        else:
            self._pause(_Pause.FINISH, "finish")

    # How messages are taken.

    def _take_messages(self, connection: Connection) -> None:
        """Publishes the whole frames in the buffer until it is empty or reading has to pause."""
        clock = self._context.clock
        now = clock.monotonic()
        received_at = clock.utc_now()
        taken = False
        while self._may_take():
            try:
                message = connection.next_message()
                if message is None:
                    break
                taken = True
                self._accept(message, received_at)
            except ProtocolError as error:
                self._refuse(error)
        if self.session is not None:
            self._last_seen = now
        if not connection.buffered_bytes:
            self._half_since = 0.0
        elif taken or not self._half_since:
            self._half_since = now

    def _may_take(self) -> bool:
        """False when the link has ended, or when reading has to pause first; what it holds by then stays in its buffer."""
        if self._cause is not None:
            return False
        if self.in_flight >= self._context.settings.window_frames:
            self._pause(_Pause.WINDOW, "window")
        elif self._context.flow.full and not self._paused & _Pause.BUS:
            self._pause(_Pause.BUS, "bus")
            self._context.flow.park(self)
        return not self._paused

    def _accept(self, message: Message, received_at: datetime) -> None:
        context = self._context
        try:
            receipt = context.uplinks.accept(message, self._session_for(message), received_at)
        except RecordTooLarge:
            context.metrics.frames_lost.inc()
            return
        except PublisherFull:
            context.metrics.frames_lost.inc()
            self.close("bus_full")
            return
        self.in_flight += 1
        context.flow.track(receipt.future, self, receipt.when_durable)
        if receipt.now is not None:
            self.write(receipt.now)

    def _session_for(self, message: Message) -> Session:
        session = self.session
        if session is not None and session.device_id == message.device_id:
            return session
        require_identity(message)
        registry = self._context.registry
        if self._cause is not None or self._finishing is not None:
            return registry.unannounced(self, device_id=message.device_id, dialect=message.dialect)
        if session is not None:
            registry.close(session, "device_changed")
        self.session = registry.open(self, device_id=message.device_id, dialect=message.dialect)
        return self.session

    def _refuse(self, error: ProtocolError) -> None:
        self._context.rejects.report(
            error, peer=self.peer, transport="tcp", session=self.session, earlier=self._rejects
        )
        self._rejects += 1
        if error.closes_stream:
            self.close(error.reason)

    def _take_rest(self, connection: Connection) -> None:
        """Publishes the frames that came before the link broke; nobody is there to be answered."""
        received_at = self._context.clock.utc_now()
        while not self._context.flow.full:
            try:
                message = connection.next_message()
                if message is None:
                    break
                self._accept(message, received_at)
            except ProtocolError as error:
                self._refuse(error)
        remains = connection.finish()
        if remains is not None:
            self._refuse(remains)

    # How reading is paused.

    def _pause(self, why: _Pause, reason: str) -> None:
        self._paused |= why
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        self._context.metrics.pauses.labels(reason).inc()

    def _unpause(self, why: _Pause) -> None:
        """Takes what is in the buffer first; only a link that is not paused again by that is read again."""
        self._paused &= ~why
        if self._paused or self._transport is None or self._cause is not None:
            return
        if self._connection is not None:
            self._take_messages(self._connection)
        if not self._paused and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _send_eof(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._eof_sent = True
        transport.write_eof()
        if self._paused:
            self._unpause(_Pause.FINISH | _Pause.WINDOW)
