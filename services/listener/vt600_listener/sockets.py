"""The listening sockets: TCP and UDP on one port number, shared by every process that asks for it."""

import resource
import socket
import struct

_KEEP_ALIVE_IDLE_S = 120
_KEEP_ALIVE_INTERVAL_S = 30
_KEEP_ALIVE_PROBES = 4
_USER_TIMEOUT_MS = 90_000
_TRIES = 20

# From <linux/sock_diag.h>; the socket module has no names for them.
_SO_MEMINFO = 55
_MEMINFO_DROPS = 8
_MEMINFO_VALUES = 9


def open_sockets(*, host: str, port: int, udp_receive_buffer_bytes: int) -> tuple[socket.socket, socket.socket]:
    """A bound TCP and a bound UDP socket of one port number; port 0 takes one that both have free.

    SO_REUSEPORT lets several processes share the port. The kernel then spreads TCP connections, and hands each UDP peer's
    datagrams to one process by a hash of the peer's address: when a process joins or leaves, some peers move.
    """
    for _ in range(_TRIES):
        tcp = _tcp_socket(host, port)
        number: int = tcp.getsockname()[1]
        try:
            if port == 0:
                _probe_udp(host, number)
            return tcp, _udp_socket(host, number, udp_receive_buffer_bytes)
        except OSError:
            tcp.close()
            if port != 0:
                raise
    raise OSError("no port number is free for both TCP and UDP")


def overflowed_datagrams(udp: socket.socket) -> int:
    """How many datagrams the kernel had no room for since the socket was opened; 0 once it is closed."""
    if udp.fileno() < 0:
        return 0
    size = struct.calcsize(f"{_MEMINFO_VALUES}I")
    values = udp.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, size)
    return int(struct.unpack(f"{_MEMINFO_VALUES}I", values)[_MEMINFO_DROPS])


def raise_file_limit() -> int:
    """Lets the process open as many files as it is allowed to, and returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _tcp_socket(host: str, port: int) -> socket.socket:
    # Linux hands these options on to every accepted connection, which saves system calls and memory per link.
    options = (
        (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_IDLE_S),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_INTERVAL_S),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEP_ALIVE_PROBES),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    )
    return _bound(socket.socket(_family(host), socket.SOCK_STREAM), options, host, port)


def _udp_socket(host: str, port: int, receive_buffer_bytes: int) -> socket.socket:
    options = (
        (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes),
    )
    return _bound(socket.socket(_family(host), socket.SOCK_DGRAM), options, host, port)


def _probe_udp(host: str, port: int) -> None:
    # A socket that shares its port would not notice a stranger who does too; this one fails.
    _bound(socket.socket(_family(host), socket.SOCK_DGRAM), (), host, port).close()


def _bound(sock: socket.socket, options: tuple[tuple[int, int, int], ...], host: str, port: int) -> socket.socket:
    try:
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        for level, name, value in options:
            sock.setsockopt(level, name, value)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
