"""What `make run` says: one line per step, with the seconds since it was typed."""

import sys
import time


class Console:
    """Lines on standard output; problems on standard error."""

    def __init__(self, *, started_at: float | None) -> None:
        self._started_at = time.time() if started_at is None else started_at

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run was asked for."""
        return time.time() - self._started_at

    def step(self, sentence: str) -> None:
        """Something happened."""
        self.text(f"[{self.elapsed_s:6.1f} s] {sentence}")

    def text(self, text: str) -> None:
        """Plain lines."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def problem(self, sentence: str) -> None:
        """Something that the reader has to mend."""
        sys.stderr.write(f"vt600: {sentence}\n")
        sys.stderr.flush()
