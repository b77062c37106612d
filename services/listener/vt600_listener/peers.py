"""Addresses as text, as records and logs show them."""

Address = tuple[str, int] | tuple[str, int, int, int]

_MAPPED = "::ffff:"


def host_of(address: Address) -> str:
    """The host alone; an IPv4 peer of an IPv6 socket is shown as IPv4."""
    return address[0].removeprefix(_MAPPED)


def peer_text(address: Address) -> str:
    """`192.0.2.1:5000` or `[2001:db8::1]:5000`."""
    host = host_of(address)
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
