import socket

import pytest

from vt600_listener.peers import peer_text
from vt600_listener.sockets import open_sockets, overflowed_datagrams

_RECEIVE_BUFFER = 65_536


def open_pair(port: int) -> tuple[socket.socket, socket.socket]:
    return open_sockets(host="127.0.0.1", port=port, udp_receive_buffer_bytes=_RECEIVE_BUFFER)


def test_port_zero_takes_one_number_for_both() -> None:
    tcp, udp = open_pair(0)
    with tcp, udp:
        assert tcp.getsockname()[1] == udp.getsockname()[1] != 0


def test_several_listeners_share_a_port() -> None:
    tcp, udp = open_pair(0)
    port = tcp.getsockname()[1]
    second_tcp, second_udp = open_pair(port)
    with tcp, udp, second_tcp, second_udp:
        assert second_tcp.getsockname()[1] == second_udp.getsockname()[1] == port


def test_a_port_in_other_use_is_refused() -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        with pytest.raises(OSError, match="in use"):
            open_pair(stranger.getsockname()[1])


def test_accepted_connections_inherit_what_the_listening_socket_says() -> None:
    tcp, udp = open_pair(0)
    with tcp, udp:
        tcp.setblocking(True)  # noqa: FBT003  the standard library's signature
        tcp.listen()
        with socket.create_connection(tcp.getsockname()) as client:
            accepted, _ = tcp.accept()
            with accepted, client:
                options = [
                    accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                ]

    assert options == [1, 1, 90_000, 120]


def test_datagrams_that_the_kernel_drops_are_counted() -> None:
    tcp, udp = open_pair(0)
    with tcp, udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        before = overflowed_datagrams(udp)
        for _ in range(2_000):
            sender.sendto(bytes(1_000), udp.getsockname())
        after = overflowed_datagrams(udp)

    assert before == 0
    assert after > 0
    assert overflowed_datagrams(udp) == 0


def test_peers_are_shown_with_their_port() -> None:
    assert peer_text(("192.0.2.1", 5000)) == "192.0.2.1:5000"
    assert peer_text(("2001:db8::1", 5000, 0, 0)) == "[2001:db8::1]:5000"
    assert peer_text(("::ffff:192.0.2.1", 5000, 0, 0)) == "192.0.2.1:5000"
