"""Runs of the command-line tool."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from vt600_protocol.__main__ import main

LOGIN = "2424001126016100901FFF500001AD0D0A"


@dataclass
class Run:
    """What one call of the tool did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Its output as JSON, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


def call(capsys: pytest.CaptureFixture[str], *words: str) -> Run:
    """Call the tool with words."""
    code = main(words)
    captured = capsys.readouterr()
    return Run(code, captured.out, captured.err)
