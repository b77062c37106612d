"""UDP: each datagram stands alone, and its sender is a session until it has been silent for too long.

Datagrams cannot be held back: when the bus has no room they are dropped, counted, and not confirmed.
"""

import asyncio
from datetime import datetime
from typing import cast

from vt600_bus import PublisherFull, RecordTooLarge
from vt600_bus.records import Transport
from vt600_listener.context import LinkContext
from vt600_listener.peers import Address, host_of, peer_text
from vt600_listener.session import Session, require_identity
from vt600_protocol import Message, ProtocolError, decode_datagram


class UdpPeer:
    """A device at one address: what a session over UDP writes to."""

    __slots__ = ("_address", "_context", "_endpoint", "last_seen", "peer", "session")

    def __init__(self, context: LinkContext, endpoint: "UdpEndpoint", address: Address) -> None:
        self._context = context
        self._endpoint = endpoint
        self._address = address
        self.peer = peer_text(address)
        self.session: Session | None = None
        self.last_seen = context.clock.monotonic()

    @property
    def transport_name(self) -> Transport:
        """How it reached us."""
        return "udp"

    def is_at(self, address: Address) -> bool:
        """Whether a datagram from there comes from this peer."""
        return self._address == address

    def is_writable(self) -> bool:
        """Whether the socket is open; nobody knows whether the network still has a way to the peer."""
        return self._endpoint.is_open

    def write(self, data: bytes) -> None:
        """Sends one datagram to the address that the device last sent from."""
        self._endpoint.send(data, self._address)

    def durable(self, frames: int, confirmations: list[bytes]) -> None:  # noqa: ARG002  UDP has no window
        """The broker holds the frames: confirm them, one datagram each."""
        for confirmation in confirmations:
            self.write(confirmation)
        self._context.metrics.confirmations.inc(len(confirmations))

    def lost(self, frames: int) -> None:
        """Nothing is confirmed, so the unit sends again what it keeps."""

    def overdue(self, now: float) -> str | None:
        """Why the session should be closed by now."""
        if self.session is None or not self.session.is_open:
            return "gone"
        limit_s = self._context.idle_timeout_s(self.session.dialect)
        return "idle" if now - self.last_seen > limit_s else None

    def finish(self, cause: str) -> None:
        """There is nothing on its way that could be waited for."""
        self.close(cause)

    def close(self, cause: str) -> None:
        """Forgets the peer."""
        self._context.registry.links.discard(self)
        self._endpoint.forget(self._address, self)
        if self.session is not None:
            self._context.registry.close(self.session, cause)


class UdpEndpoint(asyncio.DatagramProtocol):
    """The one UDP socket of this process. With several processes on the port, the kernel picks one by the peer's address."""

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        self._transport: asyncio.DatagramTransport | None = None
        self._peers: dict[Address, UdpPeer] = {}
        self._hears = True

    @property
    def is_open(self) -> bool:
        """Whether it can send."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Publishes the frames of one datagram."""
        context = self._context
        reason = self._drop_reason(addr)
        if reason is not None:
            context.metrics.datagrams_dropped.labels(reason).inc()
            return
        context.metrics.datagrams.inc()
        datagram = decode_datagram(data)
        received_at = context.clock.utc_now()
        errors = list(datagram.errors)
        for message in datagram.messages:
            try:
                self._accept(message, addr, received_at)
            except ProtocolError as no_identity:
                errors.append(no_identity)
        peer = self._peers.get(addr)
        for number, error in enumerate(errors):
            session = None if peer is None else peer.session
            context.rejects.report(error, peer=peer_text(addr), transport="udp", session=session, earlier=number)
        if datagram.heartbeats and peer is not None:
            peer.last_seen = context.clock.monotonic()
            context.metrics.heartbeats.inc(datagram.heartbeats)
        if peer is not None and peer.session is not None:
            context.registry.heard(peer.session)

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002  an ICMP answer to something we sent
        """An earlier datagram of ours found nobody; the session's idle time-out deals with it."""
        self._context.metrics.datagrams_dropped.labels("send_error").inc()

    def send(self, data: bytes, address: Address) -> None:
        """Sends one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, address)

    def forget(self, address: Address, peer: UdpPeer) -> None:
        """The peer's session has ended."""
        if self._peers.get(address) is peer:
            del self._peers[address]

    def stop_hearing(self) -> None:
        """Drops what comes from now on; what is due can still be sent."""
        self._hears = False

    def close(self) -> None:
        """Sends and receives nothing any more."""
        if self._transport is not None:
            self._transport.close()

    def _drop_reason(self, addr: Address) -> str | None:
        context = self._context
        if not self._hears:
            return "draining"
        if not context.admission.allows(host_of(addr)):
            return "not_allowed"
        if context.flow.full:
            return "bus_full"
        return "bus_away" if context.flow.away else None

    def _accept(self, message: Message, addr: Address, received_at: datetime) -> None:
        context = self._context
        session = self._session_for(message, addr)
        if session is None:
            context.metrics.datagrams_dropped.labels("too_many_sessions").inc()
            return
        try:
            receipt = context.uplinks.accept(message, session, received_at)
        except (PublisherFull, RecordTooLarge):
            context.metrics.frames_lost.inc()
            return
        context.flow.track(receipt.future, session.link, receipt.when_durable)
        if receipt.now is not None:
            self.send(receipt.now, addr)

    def _session_for(self, message: Message, addr: Address) -> Session | None:
        """The session of this device at this address; a new address is a new link, and the newest wins."""
        registry = self._context.registry
        session = registry.session_of(message.device_id)
        if session is not None:
            link = session.link
            if isinstance(link, UdpPeer) and link.is_at(addr):
                link.last_seen = self._context.clock.monotonic()
                return session
        elif len(self._peers) >= self._context.settings.max_udp_sessions:
            return None
        require_identity(message)
        peer = UdpPeer(self._context, self, addr)
        session = peer.session = registry.open(peer, device_id=message.device_id, dialect=message.dialect)
        registry.links.add(peer)
        self._peers[addr] = peer
        return session
