"""Who may open a link, and how many may."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from vt600_listener.clock import Clock


class TokenBucket:
    """Allows `rate_per_s` in the long run and `burst` at once."""

    def __init__(self, *, rate_per_s: float, burst: int, clock: Clock) -> None:
        self._rate = rate_per_s
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock.monotonic()

    def take(self) -> bool:
        """Takes one token; false when there is none."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Admission:
    """Counts the links by address. `closed_because` tells why nobody is let in at the moment, None otherwise."""

    def __init__(
        self,
        *,
        clock: Clock,
        max_links: int,
        max_links_per_address: int,
        accept_rate_per_s: float,
        accept_burst: int,
        allowed_networks: Sequence[IPv4Network | IPv6Network],
        closed_because: Callable[[], str | None],
    ) -> None:
        self._max_links = max_links
        self._max_per_address = max_links_per_address
        self._bucket = TokenBucket(rate_per_s=accept_rate_per_s, burst=accept_burst, clock=clock)
        self._networks = tuple(allowed_networks)
        self._closed_because = closed_because
        self._by_address: dict[str, int] = {}
        self.links = 0

    def enter(self, address: str) -> str | None:
        """Counts a link from this address, or says why it is refused."""
        reason = self._closed_because()
        if reason is not None:
            return reason
        if not self.allows(address):
            return "not_allowed"
        if self.links >= self._max_links:
            return "too_many_links"
        held = self._by_address.get(address, 0)
        if self._max_per_address and held >= self._max_per_address:
            return "too_many_links_of_address"
        if not self._bucket.take():
            return "too_fast"
        self._by_address[address] = held + 1
        self.links += 1
        return None

    def leave(self, address: str) -> None:
        """A link that had entered is gone."""
        self.links -= 1
        held = self._by_address[address] - 1
        if held:
            self._by_address[address] = held
        else:
            del self._by_address[address]

    def allows(self, address: str) -> bool:
        """Whether the allow-list, if there is one, names this address."""
        return not self._networks or is_in(self._networks, address)


def is_in(networks: Iterable[IPv4Network | IPv6Network], address: str) -> bool:
    """Whether one of the networks has this address."""
    ip = ip_address(address)
    return any(ip in network for network in networks)
