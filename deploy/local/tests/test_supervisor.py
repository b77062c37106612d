"""Processes that die are started again; all stop in order."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vt600_local import supervisor
from vt600_local.console import Console
from vt600_local.server import ServerProcess, StackError
from vt600_local.supervisor import bring_up, keep_running, run_once, stop_in_order

_SLEEPS = "import time; time.sleep(600)"
_IGNORES = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


class Program(ServerProcess):
    """A Python program; ready when its log says the word, or when it runs."""

    def __init__(self, name: str, folder: Path, text: str = _SLEEPS, *, word: str = "") -> None:
        super().__init__(name, log=folder / f"{name}.log")
        self._text = text
        self._word = word

    def _prepare(self) -> list[str]:
        return [sys.executable, "-c", self._text]

    def is_ready(self) -> bool:
        return self.running and self._word in self.log.read_text()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    made: list[Program] = []

    def make(name: str, text: str = _SLEEPS, *, word: str = "") -> Program:
        made.append(Program(name, tmp_path, text, word=word))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def console() -> Console:
    return Console(started_at=None)


class Listening(Console):
    """Tells when a step has been said."""

    def __init__(self, step: str) -> None:
        super().__init__(started_at=None)
        self.said = asyncio.Event()
        self._wanted = step

    def step(self, sentence: str) -> None:
        super().step(sentence)
        if sentence == self._wanted:
            self.said.set()


async def test_a_process_that_dies_is_started_again(
    program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Listening("worker is ready again")
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    worker = program("worker")
    await bring_up(worker, console)
    first = worker.pid

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep_running(worker, console))
        os.kill(first, signal.SIGKILL)
        await console.said.wait()
        keeping.cancel()

    assert worker.pid != first
    assert worker.running
    assert "worker ended (signal 9), it starts again in 0.01 s" in capsys.readouterr().out


async def test_who_does_not_start_is_told_with_the_end_of_its_log(
    program: Callable[..., Program], console: Console
) -> None:
    broken = program("broken", "import sys; sys.exit('no such setting')", word="never")

    with pytest.raises(StackError, match=r"(?s)broken did not start.*no such setting"):
        await bring_up(broken, console)


async def test_processes_stop_in_order(
    program: Callable[..., Program], console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = [program("first"), program("second")]
    for process in processes:
        await bring_up(process, console)
    capsys.readouterr()

    await stop_in_order(processes, asyncio.Event(), console)

    said = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == ["first stopped", "second stopped"]


async def test_a_second_signal_does_not_wait_for_the_deaf(
    program: Callable[..., Program], console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    deaf = program("deaf", _IGNORES, word="deaf")
    await bring_up(deaf, console)
    hurry = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stop_in_order([deaf], hurry, console))
        await asyncio.sleep(0)
        hurry.set()

    assert not deaf.running
    assert "deaf killed" in capsys.readouterr().out


async def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('broker away')"]

    with pytest.raises(StackError, match=r"applying failed:\nbroker away"):
        await run_once("applying", command, dict(os.environ), tmp_path / "log")
