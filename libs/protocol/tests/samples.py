"""Published and made frames, and what `explain` finds in them."""

import json
from pathlib import Path

from hypothesis import strategies as st

from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.tools import Explanation, Finding, Flow, Part, explain

_FILE = Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json"
SAMPLES = {entry["id"]: bytes.fromhex(entry["hex"]) for entry in json.loads(_FILE.read_text())["vectors"]}
POWER_CUT, FUEL, LOGIN = SAMPLES["bin-fam-alarm-50-8621"], SAMPLES["asc-fuel-W149"], SAMPLES["bin-doc-login-istartek"]
COMMAND_BINARY, COMMAND_ASCII = SAMPLES["bin-enc-4102"], SAMPLES["asc-cmd-900"]

_MARKS = [
    b"$$",
    b"&&",
    b"@@",
    b"\0",
    b"\r\n",
    b",",
    b"|",
    b"*",
    b"$$\0\x11",
    b"@@\0\x12",
    b"$$A20,",
    b"&&A20,",
    b"&&A9999999,",
]


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    """A sample with some bytes put in, left out or changed."""
    sample = bytearray(draw(st.sampled_from(list(SAMPLES.values()))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(sample)))
        sample[at : at + draw(st.integers(0, 5))] = draw(st.binary(max_size=4))
    return bytes(sample)


streams = st.lists(st.one_of(st.sampled_from(_MARKS), st.binary(max_size=20), mutated_samples()), max_size=8).map(
    b"".join
)


def only(data: bytes, direction: Flow | None = None) -> Finding:
    """The one finding in the data."""
    (finding,) = explain(data, direction).findings
    return finding


def part(finding: Finding, name: str) -> Part:
    (found,) = (part for part in finding.parts if part.name == name)
    return found


def frame(code: str, data: bytes) -> bytes:
    """A binary uplink."""
    return binary_framing.build(b"$$", "143190975469", code, data)


def ascii_frame(rest: bytes) -> bytes:
    """An ASCII uplink of what follows the first comma."""
    device_id, code, *data = rest.split(b",", 2)
    return ascii_framing.build(b"&&", "A", device_id.decode(), code.decode(), data[0] if data else None)


def check_cover(explanation: Explanation, data: bytes) -> None:
    """Findings, and the parts of findings, lie one behind the other and leave nothing out."""
    at = 0
    for finding in explanation.findings:
        assert finding.offset == at
        for piece in finding.parts:
            assert piece.offset == at
            assert piece.raw == data[at : at + piece.length]
            assert piece.length > 0
            at += piece.length
        assert finding.raw == data[finding.offset : at]
    assert at == len(data)


def bad(sample: bytes, at: int, count: int, new: bytes = b"") -> bytes:
    """The sample with some bytes exchanged."""
    at %= len(sample)
    return sample[:at] + new + sample[at + count :]
