"""`python -m vt600_local run`: the whole stack until Ctrl-C. `make run` calls it."""

import argparse
import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from pydantic import ValidationError

from vt600_local import revision
from vt600_local.checks import check_disk, check_ports, check_tools
from vt600_local.console import Console
from vt600_local.home import home
from vt600_local.kafka import bring_jars, has_jars
from vt600_local.server import StackError
from vt600_local.settings import StackSettings
from vt600_local.stack import Stack

_INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Exit code 0 after an orderly end, 1 with one sentence when something is not as it must be."""
    parser = argparse.ArgumentParser(prog="vt600-local", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start everything and keep it running")
    new = actions.add_parser("migration", help="write a new revision that brings the tables to what the models say")
    new.add_argument("--service", choices=revision.SERVICES, required=True)
    new.add_argument("--message", required=True, help="what it changes")
    arguments = parser.parse_args()
    console = Console(started_at=None)
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        if arguments.action == "migration":
            revision.write(arguments.service, arguments.message)
            return 0
        settings = StackSettings()
        console = Console(started_at=settings.vt600_started_at)
        with _only_one():
            _check(settings, console)
            return asyncio.run(_run(settings, console))
    except ValidationError as error:
        first = error.errors()[0]
        console.problem(f"{str(first['loc'][0]).upper()}: {first['msg']}")
    except StackError as error:
        console.problem(str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def _only_one() -> Iterator[None]:
    """Nobody else runs this checkout's stack meanwhile."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackError(
                f"this checkout's stack runs already (process {lock.read().strip()}): use it, or stop it with Ctrl-C there"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _check(settings: StackSettings, console: Console) -> None:
    check_disk()
    check_ports(settings.ports())
    if settings.kafka_bootstrap_servers is None:
        check_tools()
        if not has_jars():
            console.step("Maven brings Kafka's jars (43 MB, once)")
            bring_jars()


async def _run(settings: StackSettings, console: Console) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    stack = Stack(settings, console)
    failed = False
    try:
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(stack.run())
            await stop.wait()
            console.step("stopping; once more hurries")
            work.cancel()
    except* StackError as problems:
        failed = True
        for problem in _leaves(problems):
            console.problem(str(problem))
    finally:
        await stack.stop(hurry)
    return int(failed)


def _leaves(group: BaseExceptionGroup[StackError]) -> list[BaseException]:
    """The errors themselves, out of the groups of groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    sys.exit(main())
