"""A stream of good frames, half frames, rubbish and hostile headers reads the same however it is cut, in bounded memory."""

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from fuzz_checks import check_datagram, check_input, check_stream
from fuzz_repair import repair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from streams import BoundedReader

from vt600_protocol import ChecksumError, Role, decode_datagram

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
_SUM = slice(-4, -2)
_ROLES: st.SearchStrategy[Role] = st.sampled_from(("server", "device"))
_HOSTILE = (
    b"$",
    b"$$",
    b"&&",
    b"@@",
    b"$$\x08\x00",
    b"@@\x00\x20",
    b"&&A4000,",
    b"$$A9",
    b"\r\n",
    b"\0\0",
    b"&&A20,1,",
    b"GET / HTTP/1.1\r\n",
    b"&&A0000009,1234,0309B\r\n",  # a frame with the longest header
    b"$$A0000009,1234,03097\r\n",
)


class StreamMachine(RuleBasedStateMachine):
    """The same stream read in three ways: as it comes, byte by byte, and in pieces of any size."""

    @initialize(
        role=_ROLES,
        seed=st.integers(0, 1 << 32),
        max_frame=st.sampled_from((64, 4096)),
        max_rubbish=st.sampled_from((40, 4096)),
    )
    def begin(self, role: Role, seed: int, max_frame: int, max_rubbish: int) -> None:
        self.role, self.max_frame, self.max_rubbish = role, max_frame, max_rubbish
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
        self._send(flipped(self._frame(number), place, flip))

    @rule(number=st.integers(0), flip=st.integers(1, 255))
    def send_a_frame_with_a_wrong_checksum(self, number: int, flip: int) -> None:
        self._send(flipped(self._frame(number), -3, flip))

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
    def all_have_read_the_same(self) -> None:
        outcomes = [reader.outcome for reader in getattr(self, "readers", ())]

        assert all(outcome == outcomes[0] for outcome in outcomes)

    def teardown(self) -> None:
        if not hasattr(self, "readers"):
            return
        whole = self._reader()
        whole.read(self.sent)
        for reader in (*self.readers, whole):
            reader.read(None)

        assert [reader.outcome for reader in self.readers] == [whole.outcome] * 3

    def _reader(self) -> BoundedReader:
        return BoundedReader(self.role, max_frame=self.max_frame, max_rubbish=self.max_rubbish)

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


def flipped(frame: bytes, place: int, flip: int) -> bytes:
    """The frame with some bits of one byte turned over."""
    changed = bytearray(frame)
    changed[place % len(frame)] ^= flip
    return bytes(changed)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(role=_ROLES, number=st.integers(0), place=st.integers(0), flip=st.integers(1, 255))
def test_a_mutated_frame_is_refused_or_equal(role: Role, number: int, place: int, flip: int) -> None:
    frame = _FRAMES[role][number % len(_FRAMES[role])]
    mutated = flipped(frame, place, flip)
    found = decode_datagram(mutated, role).messages
    is_other_case = mutated[_SUM].upper() == frame[_SUM].upper() and frame[-4:] != mutated[-4:]

    assert not found or is_other_case
    assert all(replace(message, raw=frame) in decode_datagram(frame, role).messages for message in found)


@pytest.mark.parametrize("role", _FRAMES)
def test_the_case_of_an_ascii_sum_does_not_matter_and_that_of_a_crc_does(role: Role) -> None:
    for frame in _FRAMES[role]:
        lower = frame[:-4] + frame[_SUM].lower() + frame[-2:]
        whole, found = decode_datagram(frame, role), decode_datagram(lower, role)
        is_ascii = whole.messages[0].dialect == "ascii"

        assert is_ascii or lower == frame or isinstance(found.errors[0], ChecksumError)
        assert not is_ascii or tuple(replace(message, raw=frame) for message in found.messages) == whole.messages


@settings(max_examples=200, deadline=None)
@given(
    role=_ROLES,
    number=st.integers(0),
    place=st.integers(4),
    new=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 5000), max_size=4),
)
def test_a_mutated_frame_with_a_right_checksum_is_read_or_refused(
    role: Role, number: int, place: int, new: bytes, cuts: list[int]
) -> None:
    frame = _FRAMES[role][number % len(_FRAMES[role])]
    at = 4 + place % (len(frame) - 4)
    repaired = repair(frame[:at] + new + frame[at + len(new) :])

    check_stream(role, repaired, cuts)
    check_datagram(role, repaired)


def test_what_fuzzing_found_stays_mended() -> None:
    for case in (Path(__file__).parent / "fuzz_cases").glob("*-*"):
        check_input("server" if case.name.startswith("server") else "device", case.read_bytes())
