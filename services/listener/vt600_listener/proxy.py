"""TCP behind a balancer that speaks the PROXY protocol: no link begins before its header is whole, and trusted.

UDP has no such header here: its datagrams must come with their own source address.
"""

import asyncio
from typing import cast

from vt600_listener.admission import is_in
from vt600_listener.context import LinkContext
from vt600_listener.peers import Address, host_of
from vt600_listener.proxy_header import ProxyHeaderError, parse_proxy_header
from vt600_listener.tcp import TcpLink


class ProxyGate:
    """The connections that have not said yet for whom they come."""

    def __init__(self, context: LinkContext) -> None:
        self.context = context
        self.waiting: set[ProxiedConnection] = set()

    def new_connection(self) -> "ProxiedConnection":
        """For the event loop."""
        return ProxiedConnection(self)

    def sweep(self) -> None:
        """Closes what has not said it in time."""
        limit = self.context.clock.monotonic() - self.context.settings.proxy_header_timeout_s
        for connection in tuple(self.waiting):
            if connection.since < limit:
                connection.refuse("slow")

    def close(self) -> None:
        """Closes all that still wait."""
        for connection in tuple(self.waiting):
            connection.refuse("draining")


class ProxiedConnection(asyncio.BufferedProtocol):
    """One connection until its header is whole; then a TcpLink takes it over."""

    def __init__(self, gate: ProxyGate) -> None:
        self._gate = gate
        self._context = gate.context
        self._held = b""
        self._transport: asyncio.Transport | None = None
        self.since = gate.context.clock.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets trusted balancers speak."""
        self._transport = cast("asyncio.Transport", transport)
        self._gate.waiting.add(self)
        address = self._address()
        if address is None or not is_in(self._context.settings.proxy_trusted, host_of(address)):
            self.refuse("untrusted")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the event loop's name
        """Where the next read goes."""
        return self._context.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Some more of the header, and perhaps what follows it."""
        if self._transport is None:
            return
        self._held += bytes(self._context.read_buffer[:nbytes])
        try:
            header = parse_proxy_header(self._held)
        except ProxyHeaderError as error:
            self.refuse(error.reason)
            return
        if header is not None:
            self._hand_over(self._transport, header.source, self._held[header.size :])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the event loop's name
        """Gone before its header was whole; one that never said a word only looked whether we are there."""
        if self._transport is not None and self._held:
            self._context.metrics.links_refused.labels("proxy_broken").inc()
        self._leave()

    def refuse(self, reason: str) -> None:
        """Ends it, counted."""
        transport = self._transport
        if transport is not None:
            self._context.metrics.links_refused.labels(f"proxy_{reason}").inc()
            self._leave()
            transport.abort()

    def _hand_over(self, transport: asyncio.Transport, source: tuple[str, int] | None, rest: bytes) -> None:
        link = TcpLink(self._context, source or self._address())
        self._leave()
        transport.set_protocol(link)
        link.connection_made(transport)
        if rest:
            link.receive(rest)

    def _address(self) -> Address | None:
        return None if self._transport is None else self._transport.get_extra_info("peername")

    def _leave(self) -> None:
        self._transport = None
        self._held = b""
        self._gate.waiting.discard(self)
