"""Ports of this machine: a free one, and whether a wanted one is free."""

import random
import socket

_LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes ports of outgoing connections: a client that keeps knocking at a server
# that was killed could otherwise be given the server's own port, and hold it.
_FIRST, _LAST = 12_000, 32_000


_choice = random.SystemRandom()  # test tools seed the common generator, which would then give the same ports again
_given: set[int] = set()


def free_port() -> int:
    """A TCP and UDP port of 127.0.0.1 that nobody has at the moment, and that this process was not given before."""
    while True:
        port = _choice.randint(_FIRST, _LAST)
        if port not in _given and is_free(port):
            _given.add(port)
            return port


def is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Whether the TCP and the UDP port can be taken."""
    return _can_bind(socket.SOCK_STREAM, host, port) and _can_bind(socket.SOCK_DGRAM, host, port)


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_LOOPBACK, port)) == 0


def _can_bind(kind: socket.SocketKind, host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # connections of a server that just ended do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
