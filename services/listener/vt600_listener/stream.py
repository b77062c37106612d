"""The frames of one TCP link: cut, published, and counted until they are durable.

Nothing is taken while the window of frames that are not durable is full, or while the bus has no room; what the link holds by
then stays in its buffer, which is no larger than one read and half a frame.
"""

from datetime import datetime
from typing import Literal, Protocol

from vt600_bus import PublisherFull, RecordTooLarge
from vt600_listener.context import LinkContext
from vt600_listener.session import Link, Session, require_identity
from vt600_protocol import Connection, Message, ProtocolError

Obstacle = Literal["window", "bus"]


class StreamLink(Link, Protocol):
    """The connection below the stream."""

    @property
    def closed(self) -> bool:
        """Whether it has ended for us."""

    @property
    def leaving(self) -> bool:
        """Whether it has ended or been told to: no session opens on it any more."""


class FrameStream:
    """What a link knows of its unit. `in_flight` counts the frames that the broker does not hold yet."""

    __slots__ = ("_connection", "_context", "_half_since", "_last_seen", "_link", "in_flight", "rejects", "session")

    def __init__(self, context: LinkContext, link: StreamLink) -> None:
        self._context = context
        self._link = link
        self._connection = Connection()
        self._half_since = 0.0
        self._last_seen = context.clock.monotonic()
        self.in_flight = 0
        self.rejects = 0
        self.session: Session | None = None

    @property
    def heartbeats(self) -> int:
        """The heartbeat bytes so far."""
        return self._connection.heartbeats

    def receive(self, data: bytes) -> Obstacle | None:
        """Takes bytes from the network; see `take`."""
        self._connection.receive_data(data)
        return self.take()

    def take(self) -> Obstacle | None:
        """Publishes the whole frames that it holds. Returns what has to go first when it cannot take all."""
        connection = self._connection
        clock = self._context.clock
        now = clock.monotonic()
        received_at = clock.utc_now()
        taken = False
        obstacle: Obstacle | None = None
        while not self._link.closed:
            obstacle = self._obstacle()
            if obstacle is not None:
                break
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
        return obstacle

    def take_rest(self) -> None:
        """The link broke: publishes the frames that came before, as far as the bus has room; nobody is there to be answered."""
        received_at = self._context.clock.utc_now()
        while not self._context.flow.full:
            try:
                message = self._connection.next_message()
                if message is None:
                    break
                self._accept(message, received_at)
            except ProtocolError as error:
                self._refuse(error)
        remains = self._connection.finish()
        if remains is not None:
            self._refuse(remains)

    def overdue(self, now: float) -> str | None:
        """Why the link should be closed by now. Until its first frame a unit is judged by when it came, not by what it sends."""
        context = self._context
        settings = context.settings
        silent_s = now - self._last_seen
        if self._half_since and now - self._half_since > settings.half_frame_timeout_s:
            return "half_frame"
        if self.session is None:
            return "no_frame" if silent_s > settings.first_frame_timeout_s else None
        return "idle" if silent_s > context.idle_timeout_s(self.session.dialect) else None

    def _obstacle(self) -> Obstacle | None:
        context = self._context
        if self.in_flight >= context.settings.window_frames:
            return "window"
        return "bus" if context.flow.full else None

    def _accept(self, message: Message, received_at: datetime) -> None:
        context = self._context
        try:
            receipt = context.uplinks.accept(message, self._session_for(message), received_at)
        except RecordTooLarge:
            context.metrics.frames_lost.inc()
            return
        except PublisherFull:
            context.metrics.frames_lost.inc()
            self._link.close("bus_full")
            return
        self.in_flight += 1
        context.flow.track(receipt.future, self._link, receipt.when_durable)
        if receipt.now is not None:
            self._link.write(receipt.now)

    def _session_for(self, message: Message) -> Session:
        session = self.session
        if session is not None and session.device_id == message.device_id:
            return session
        require_identity(message)
        registry = self._context.registry
        if self._link.leaving:
            return registry.unannounced(self._link, device_id=message.device_id, dialect=message.dialect)
        if session is not None:
            registry.close(session, "device_changed")
        self.session = registry.open(self._link, device_id=message.device_id, dialect=message.dialect)
        return self.session

    def _refuse(self, error: ProtocolError) -> None:
        link = self._link
        self._context.rejects.report(
            error, peer=link.peer, transport=link.transport_name, session=self.session, earlier=self.rejects
        )
        self.rejects += 1
        if error.closes_stream:
            link.close(error.reason)
