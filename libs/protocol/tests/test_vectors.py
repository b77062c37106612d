"""Every published frame is decoded in every field, or refused, as its vector says."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from vector_view import describe

_FILE = Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json"
_VECTORS = {entry["id"]: entry for entry in json.loads(_FILE.read_text())["vectors"]}
# Units of the vectors' fields → how near is equal (their own `units`).
_TOLERANCES = {"latitude": 1e-6, "longitude": 1e-6, "speed_kmh": 1e-3, "speed_knots": 1e-3}
_INFERRED = 0.006  # shown with two decimals

# Where a vector and the SPEC disagree the code follows the SPEC: field → why.
_DISAGREEMENTS: dict[str, dict[str, str]] = {
    "bin-fam-pos-3563-negalt": {"expected.position.altitude_m": "beyond ±20,000 m is no altitude (SPEC §3.6)"},
    "bin-fam-photo-start": {"strict_result": "photo frames may carry FFFF instead of a CRC (SPEC §3.2)"},
}


def _differences(found: Any, wanted: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Path of each field that differs → what was found, what was wanted."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {
            place: pair
            for key in {**wanted, **found}
            for place, pair in _differences(
                found.get(key, "(missing)"), wanted.get(key, "(missing)"), f"{path}.{key}".lstrip(".")
            ).items()
        }
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        pairs = enumerate(zip(found, wanted, strict=True))
        return {
            place: pair
            for at, (one, other) in pairs
            for place, pair in _differences(one, other, f"{path}[{at}]").items()
        }
    return {} if _same(found, wanted, path.rpartition(".")[2]) else {path: (found, wanted)}


def _same(found: Any, wanted: Any, name: str) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        near = _INFERRED if name.startswith("inferred") else _TOLERANCES.get(name, 1e-9)
        return math.isclose(found, wanted, rel_tol=0, abs_tol=near)
    return bool(found == wanted)


def _wanted(entry: dict[str, Any]) -> dict[str, Any]:
    """What `describe` must give: the vector's own description, without what it says about framing."""
    if "stream_frames" not in entry:
        return {"strict_result": entry["strict_result"], "expected": entry["expected"]}
    frames = [{key: frame[key] for key in ("offset", "length", "expected")} for frame in entry["stream_frames"]]
    return {"strict_result": entry["strict_result"], "stream_frames": frames}


@pytest.mark.parametrize("name", _VECTORS)
def test_a_vector_is_read_in_every_field(name: str) -> None:
    entry = _VECTORS[name]
    found = _differences(describe(bytes.fromhex(entry["hex"]), entry["direction"]), _wanted(entry))

    assert found.keys() == _DISAGREEMENTS.get(name, {}).keys(), found


def test_the_published_set_is_whole() -> None:
    assert len(_VECTORS) == 92
