"""A listener with a hand-moved clock, a bus that holds what the test wants, and transports that only remember."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import pytest
from msgspec import Struct
from prometheus_client import CollectorRegistry

from vt600_bus import PublisherFull, encode
from vt600_bus.topics import Topic
from vt600_listener.clock import Clock
from vt600_listener.listener import Listener
from vt600_listener.settings import ListenerSettings
from vt600_listener.tcp import TcpLink
from vt600_protocol import PositionReport, encode_report
from vt600_runtime.tracing import OFF, Tracer

R = TypeVar("R", bound=Struct)

STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class HandClock(Clock):
    """Time that stands until a test moves it."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def monotonic(self) -> float:
        return self._now

    def utc_now(self) -> datetime:
        return STARTED_AT + timedelta(seconds=self._now - 1_000.0)

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Moves the time; whoever sleeps wakes at the right moment, and everybody gets on with it."""
        end = self._now + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._now = at
            if not future.done():
                future.set_result(None)
            await _settle()
        self._now = end


class HandPublisher:
    """A bus that holds nothing until the test says so."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, Struct]] = []
        self.traces: list[tuple[str, str]] = []
        self.pending_bytes = 0
        self.oldest_pending_s = 0.0
        self.healthy = True
        self.max_pending_bytes = 1 << 40
        self._batch: asyncio.Future[None] | None = None

    def publish(self, topic: Topic[R], key: str, record: R, traceparent: str | None = None) -> "asyncio.Future[None]":
        size = len(encode(record))
        if self.pending_bytes + size > self.max_pending_bytes:
            raise PublisherFull
        self.records.append((topic.name, key, record))
        if traceparent is not None:
            self.traces.append((topic.name, traceparent))
        self.pending_bytes += size
        if self._batch is None:
            self._batch = asyncio.get_running_loop().create_future()
        return self._batch

    async def hold(self) -> None:
        """The broker holds everything that was published so far."""
        batch, self._batch = self._batch, None
        self.pending_bytes = 0
        if batch is not None:
            batch.set_result(None)
        await _settle()

    async def fail(self) -> None:
        """The publisher ends before the broker holds it."""
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.set_exception(ConnectionError("closed"))
        await _settle()

    def of(self, topic: Topic[R]) -> list[R]:
        """What was published on one topic."""
        return [cast("R", record) for name, _, record in self.records if name == topic.name]


class MemoryTransport(asyncio.Transport):
    """A peer that reads everything at once, or nothing."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__({"peername": address})
        self.written = bytearray()
        self.reading = True
        self.closed = False
        self.eof_written = False
        self.unread = 0
        self.link: TcpLink | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.eof_written
        self.written += data

    def write_eof(self) -> None:
        self.eof_written = True

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            if self.link is not None:
                asyncio.get_running_loop().call_soon(self.link.connection_lost, None)

    def take(self) -> bytes:
        """What the peer has been sent since the last time."""
        taken = bytes(self.written)
        self.written.clear()
        return taken


class Tracker:
    """The far end of a TCP link."""

    def __init__(self, listener: Listener, address: tuple[str, int]) -> None:
        self.transport = MemoryTransport(address)
        self.link = TcpLink(listener.context)
        self.transport.link = self.link
        self.link.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        """The bytes arrive, in reads as large as the buffer, as long as the link is read."""
        while data and self.transport.reading and not self.transport.closed:
            buffer = self.link.get_buffer(-1)
            size = min(len(data), len(buffer))
            buffer[:size] = data[:size]
            data = data[size:]
            self.link.buffer_updated(size)

    async def hang_up(self) -> None:
        """The peer closes."""
        self.transport.close()
        await _settle()


class Bench:
    """Everything a test moves by hand. `connect` opens a link from a fresh port of an address."""

    def __init__(self, settings: ListenerSettings, tracer: Tracer = OFF) -> None:
        self.clock = HandClock()
        self.bus = HandPublisher()
        self.registry = CollectorRegistry()
        self.listener = Listener(
            settings, publisher=self.bus, registry=self.registry, clock=self.clock, max_files=100_000, tracer=tracer
        )
        self._port = 40_000

    def connect(self, host: str = "192.0.2.1") -> Tracker:
        self._port += 1
        return Tracker(self.listener, (host, self._port))

    def count(self, name: str, **labels: str) -> float:
        """A metric of the listener, 0 when it was never touched."""
        return self.registry.get_sample_value(f"vt600_listener_{name}", labels) or 0.0


async def _settle() -> None:
    """Lets every callback that is due run."""
    for _ in range(10):
        await asyncio.sleep(0)


def make_report(
    device_id: str = "143190975469",
    *,
    code: str = "9955",
    device_time: datetime = STARTED_AT,
    packet_no: str | None = None,
    latitude: float = 22.5,
    event_code: int = 0,
    speed_kmh: float = 50.0,
    fix_valid: bool = True,
) -> bytes:
    """The frame of a position: `9955` binary, `000` or `010` ASCII."""
    binary = len(code) == 4
    return encode_report(
        PositionReport(
            dialect="binary" if binary else "ascii",
            device_id=device_id,
            code=code,
            packet_no=packet_no if binary else packet_no or "A",
            raw=b"",
            content=b"",
            event="interval",
            event_code=None if binary else event_code,
            event_data=None,
            is_alarm=False,
            confirm=code == "010",
            device_time=device_time,
            fix_valid=fix_valid,
            latitude=latitude,
            longitude=114.0,
            speed_kmh=speed_kmh,
            course_deg=90.0,
            altitude_m=10.0,
            hdop=1.0,
            satellites=9,
            odometer_m=1_000,
            cell=None,
            csq=20,
            inputs=0,
            outputs=0,
            status=0x2000 if binary else 0x3F,
            external_power=True,
            external_v=None,
            battery_v=None,
            analog_raw=(0, 0, 257, 655),
            stored=None,
            pro_code=None,
            fuel=(),
            temperatures=(),
            obd=None,
            driver_text=None,
            unparsed=(),
        )
    )


def make_settings(**changes: object) -> ListenerSettings:
    """The defaults with some changes; nothing from the environment."""
    return ListenerSettings.model_validate({"id": "listener-1", "host": "127.0.0.1", "port": 0, **changes})


@pytest.fixture
async def make_bench() -> Callable[..., Bench]:
    """A bench with settings of the test's choice."""
    return lambda tracer=OFF, **changes: Bench(make_settings(**changes), tracer)


@pytest.fixture
async def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench with the default settings."""
    return make_bench()


@pytest.fixture
def report_frame() -> Callable[..., bytes]:
    """Makes frames of positions."""
    return make_report


@pytest.fixture(name="settle")
def settle_fixture() -> Callable[[], Awaitable[None]]:
    """Lets every callback that is due run."""
    return _settle
