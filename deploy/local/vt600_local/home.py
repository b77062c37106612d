"""Where the local stack keeps its things."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def home() -> Path:
    """`.run` in the checkout, or `VT600_HOME`; `make run` and `make test` share what was downloaded into it."""
    return Path(os.environ.get("VT600_HOME", CHECKOUT / ".run")).absolute()
