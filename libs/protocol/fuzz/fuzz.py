"""One fuzzing process: `fuzz.py ROLE [libFuzzer options] CORPUS`. Started by run.py."""

import random
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
with atheris.instrument_imports(include=["vt600_protocol"]):
    from fuzz_checks import check
from fuzz_repair import repair

_CUTS = 3  # the first bytes of an input say where it is cut
_REPAIRED = 3  # of four


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """libFuzzer's own mutation; most of the time the frames are then made whole again."""
    mutated = bytes(atheris.Mutate(data, max_size))
    if random.Random(seed).randrange(4) < _REPAIRED:  # noqa: S311 - a seed given by the fuzzer
        mutated = mutated[:_CUTS] + repair(mutated[_CUTS:])
    return mutated[:max_size]


def main() -> None:
    role = sys.argv.pop(1)

    def one(data: bytes) -> None:
        cuts = [byte * len(data) // 256 for byte in data[:_CUTS]]
        check("server" if role == "server" else "device", data[_CUTS:], cuts)

    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
