from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Bench


async def test_an_address_may_hold_so_many_links(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(max_links_per_address=2)
    trackers = [bench.connect("192.0.2.1") for _ in range(3)]
    other = bench.connect("192.0.2.2")

    assert [tracker.transport.closed for tracker in trackers] == [False, False, True]
    assert not other.transport.closed
    assert bench.count("links_refused_total", reason="too_many_links_of_address") == 1


async def test_a_link_that_ends_makes_room(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(max_links_per_address=1)
    await bench.connect().hang_up()
    await bench.connect().hang_up()

    assert not bench.connect().transport.closed
    assert bench.listener.context.admission.links == 1


async def test_no_more_links_than_the_limit(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(max_links=2)
    trackers = [bench.connect(f"192.0.2.{number}") for number in range(3)]

    assert [tracker.transport.closed for tracker in trackers] == [False, False, True]


async def test_links_come_no_faster_than_the_rate(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(accept_rate_per_s=1.0, accept_burst=2)
    at_once = [bench.connect().transport.closed for _ in range(3)]
    await bench.clock.advance(1.0)

    assert at_once == [False, False, True]
    assert [bench.connect().transport.closed for _ in range(2)] == [False, True]


async def test_only_allowed_networks_are_let_in(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(allowed_networks="198.51.100.0/24, 2001:db8::/32")

    assert bench.connect("192.0.2.1").transport.closed
    assert not bench.connect("198.51.100.1").transport.closed
    assert not bench.connect("2001:db8::5").transport.closed


async def test_nobody_is_let_in_while_the_bus_is_away(bench: "Bench") -> None:
    bench.bus.oldest_pending_s = 31.0
    while_away = bench.connect().transport.closed
    bench.bus.oldest_pending_s = 0.0

    assert while_away
    assert not bench.connect().transport.closed
