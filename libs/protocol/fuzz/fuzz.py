"""One fuzzing process: `fuzz.py ROLE [libFuzzer options] CORPUS`. Started by run.py."""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
with atheris.instrument_imports(include=["vt600_protocol"]):
    from fuzz_checks import HEAD_BYTES, check_input
from fuzz_repair import repair

from vt600_protocol import Role

_LEFT_BROKEN_ONE_IN = 4


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """libFuzzer's own mutation; most of the time the frames are then made whole again."""
    mutated = bytes(atheris.Mutate(data, max_size))
    if seed % _LEFT_BROKEN_ONE_IN:
        mutated = mutated[:HEAD_BYTES] + repair(mutated[HEAD_BYTES:])
    return mutated[:max_size]


def main() -> None:
    role: Role = "server" if sys.argv.pop(1) == "server" else "device"
    atheris.Setup(sys.argv, lambda data: check_input(role, data), custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
