"""A stream of good frames, half frames, rubbish and hostile headers reads the same however it is cut, in bounded memory."""

import json
import random
from itertools import pairwise
from pathlib import Path

from fuzz_checks import check
from fuzz_repair import repair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from streams import Reader

from vt600_protocol import Connection, Role, decode_datagram

_VECTORS = json.loads((Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json").read_text())["vectors"]
_DIRECTIONS: dict[Role, str] = {"server": "uplink", "device": "downlink"}
_FRAMES: dict[Role, list[bytes]] = {
    role: [
        bytes.fromhex(vector["hex"])
        for vector in _VECTORS
        if vector["direction"] == direction and vector["strict_result"] == "accept"
    ]
    for role, direction in _DIRECTIONS.items()
}
_BOUND = 4096
_HOSTILE = (
    b"$",
    b"$$",
    b"&&",
    b"@@",
    b"$$\x08\x00",
    b"&&A4000,",
    b"$$A9",
    b"\r\n",
    b"\0\0",
    b"&&A20,1,",
    b"GET / HTTP/1.1\r\n",
)


class StreamMachine(RuleBasedStateMachine):
    """The same stream read in three ways: as it comes, byte by byte, and in pieces of any size."""

    @initialize(role=st.sampled_from(("server", "device")), seed=st.integers(0, 1 << 32))
    def begin(self, role: Role, seed: int) -> None:
        self.role = role
        self.sent = b""
        self.readers = [self._reader() for _ in range(3)]
        self.random = random.Random(seed)  # noqa: S311 - cuts of a test

    @rule(number=st.integers(0))
    def send_a_frame(self, number: int) -> None:
        self._send(self._frame(number))

    @rule(number=st.integers(0), share=st.floats(0, 1))
    def send_a_part_of_a_frame(self, number: int, share: float) -> None:
        frame = self._frame(number)
        self._send(frame[: int(len(frame) * share)])

    @rule(number=st.integers(0), place=st.integers(0), flip=st.integers(1, 255))
    def send_a_damaged_frame(self, number: int, place: int, flip: int) -> None:
        frame = bytearray(self._frame(number))
        frame[place % len(frame)] ^= flip
        self._send(bytes(frame))

    @rule(pieces=st.lists(st.sampled_from(_HOSTILE), min_size=1, max_size=20))
    def send_hostile_headers(self, pieces: list[bytes]) -> None:
        self._send(b"".join(pieces))

    @rule(data=st.binary(max_size=200))
    def send_rubbish(self, data: bytes) -> None:
        self._send(data)

    @rule(count=st.integers(1, 30))
    def send_heartbeats(self, count: int) -> None:
        self._send(bytes(count))

    @invariant()
    def memory_is_bounded(self) -> None:
        assert all(reader.connection.buffered_bytes <= _BOUND for reader in getattr(self, "readers", ()))

    def teardown(self) -> None:
        if not hasattr(self, "readers"):
            return
        for reader in self.readers:
            reader.read(None)
        whole = self._reader()
        whole.read_all([self.sent])

        assert [reader.outcome for reader in self.readers] == [whole.outcome] * 3

    def _reader(self) -> Reader:
        return Reader(Connection(self.role, max_rubbish_bytes=_BOUND))

    def _frame(self, number: int) -> bytes:
        return _FRAMES[self.role][number % len(_FRAMES[self.role])]

    def _send(self, data: bytes) -> None:
        as_it_comes, bytewise, pieces = self.readers
        self.sent += data
        as_it_comes.read(data)
        for at in range(len(data)):
            bytewise.read(data[at : at + 1])
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(4))
        for start, end in pairwise([0, *cuts, len(data)]):
            pieces.read(data[start:end])


TestStream = StreamMachine.TestCase
TestStream.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    role=st.sampled_from(("server", "device")), number=st.integers(0), place=st.integers(0), flip=st.integers(1, 255)
)
def test_a_mutated_frame_is_refused_or_equal(role: Role, number: int, place: int, flip: int) -> None:
    frame = _FRAMES[role][number % len(_FRAMES[role])]
    mutated = bytearray(frame)
    mutated[place % len(frame)] ^= flip
    whole, found = decode_datagram(frame, role).messages, decode_datagram(bytes(mutated), role).messages
    same_but_case = bytes(mutated).upper() == frame.upper() and mutated[:-4] == frame[:-4]

    assert len(found) < len(whole) or same_but_case or found == whole


@settings(max_examples=200, deadline=None)
@given(
    role=st.sampled_from(("server", "device")),
    number=st.integers(0),
    place=st.integers(4),
    cut=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 5000), max_size=4),
)
def test_a_mutated_frame_with_a_right_checksum_is_read_or_refused(
    role: Role, number: int, place: int, cut: bytes, cuts: list[int]
) -> None:
    frame = _FRAMES[role][number % len(_FRAMES[role])]
    at = 4 + place % (len(frame) - 4)

    check(role, repair(frame[:at] + cut + frame[at + len(cut) :]), cuts)


def test_what_fuzzing_found_stays_mended() -> None:
    for case in (Path(__file__).parent / "fuzz_cases").glob("*-*"):
        role: Role = "server" if case.name.startswith("server") else "device"
        data = case.read_bytes()
        check(role, data[3:], [byte * len(data) // 256 for byte in data[:3]])
