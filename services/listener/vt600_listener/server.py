"""Opens the TCP and the UDP endpoint, sheds links while the bus is away, and drains on shutdown."""

import asyncio
import socket

import structlog

from vt600_listener.closing import close_in_slices
from vt600_listener.context import LinkContext
from vt600_listener.proxy import ProxyGate
from vt600_listener.session import Link
from vt600_listener.sockets import open_sockets, overflowed_datagrams
from vt600_listener.tcp import TcpLink
from vt600_listener.udp import UdpEndpoint

_log = structlog.get_logger()

_BACKLOG = 4_096
_SWEEP_EVERY_S = 1.0
_WATCH_EVERY_S = 0.5
_SHED_OVER_S = 5.0
_LAST_WORDS_S = 2.0
_POLL_S = 0.05


class Server:
    """The endpoints of one process. `port` is the number that TCP and UDP share."""

    def __init__(self, context: LinkContext) -> None:
        self.port = 0
        self.udp_receive_buffer_bytes = 0
        self._context = context
        self._gate = ProxyGate(context)
        self._tcp: asyncio.Server | None = None
        self._udp: UdpEndpoint | None = None

    @property
    def is_open(self) -> bool:
        """Whether units can connect."""
        return self._tcp is not None

    async def open(self) -> None:
        """Listens from now on."""
        settings = self._context.settings
        tcp, udp = open_sockets(
            host=settings.host, port=settings.port, udp_receive_buffer_bytes=settings.udp_receive_buffer_bytes
        )
        self.port = tcp.getsockname()[1]
        self._context.metrics.datagrams_overflowed.set_function(lambda: overflowed_datagrams(udp))
        loop = asyncio.get_running_loop()
        self._udp = UdpEndpoint(self._context)
        endpoint = self._udp
        await loop.create_datagram_endpoint(lambda: endpoint, sock=udp)
        protocol = self._gate.new_connection if settings.proxy_protocol == "required" else self._new_link
        self._tcp = await loop.create_server(protocol, sock=tcp, backlog=_BACKLOG)
        # The kernel grants what net.core.rmem_max allows, and reports twice of it.
        self.udp_receive_buffer_bytes = udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    async def sweep_for_ever(self) -> None:
        """Closes what has been silent for too long; also frees links that wait for room when no batch ends any more."""
        while True:
            await self._context.clock.sleep(_SWEEP_EVERY_S)
            self._gate.sweep()
            self._context.registry.sweep()
            self._context.flow.release()

    async def shed_while_bus_away(self) -> None:
        """When the bus has been away for too long, closes the TCP links, so that units keep their records."""
        context = self._context
        away = False
        while True:
            await context.clock.sleep(_WATCH_EVERY_S)
            if context.flow.away and not away:
                _log.warning("bus.away", links=context.admission.links)
            elif away and not context.flow.away:
                _log.info("bus.back")
            away = context.flow.away
            if away:
                await close_in_slices(
                    self._tcp_links(),
                    over_s=_SHED_OVER_S,
                    clock=context.clock,
                    close=lambda link: link.close("bus_away"),
                    wanted=lambda: context.flow.away,
                )

    async def drain(self) -> None:
        """Stops accepting, then closes every link in slices over the time there is; UDP hears until its end, if anybody uses it."""
        context = self._context
        ends_at = context.clock.monotonic() + context.settings.drain_s
        if self._tcp is not None:
            self._tcp.close()
        self._gate.close()
        links = self._tcp_links()
        _log.info("listener.draining", links=len(links))
        await close_in_slices(
            links,
            over_s=context.settings.drain_s,
            clock=context.clock,
            close=lambda link: link.finish("drained"),
            wanted=lambda: True,
        )
        deadline = context.clock.monotonic() + _LAST_WORDS_S
        while self._tcp_links() and context.clock.monotonic() < deadline:
            await context.clock.sleep(_POLL_S)
        if context.registry.links:
            await context.clock.sleep(max(0.0, ends_at - context.clock.monotonic()))
        if self._udp is not None:
            self._udp.stop_hearing()
        for link in tuple(context.registry.links):
            link.close("drained")

    def close(self) -> None:
        """Closes the sockets."""
        if self._tcp is not None:
            self._tcp.close()
        if self._udp is not None:
            self._udp.close()

    def _tcp_links(self) -> list[Link]:
        return [link for link in self._context.registry.links if link.transport_name == "tcp"]

    def _new_link(self) -> TcpLink:
        return TcpLink(self._context)
