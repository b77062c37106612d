"""Starts processes, keeps them running and stops them in order, all without a thread that must outlive its work."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from vt600_local.console import Console
from vt600_local.server import ServerProcess, StackError

_POLL_S = 0.1
_FIRST_DELAY_S, _LONGEST_DELAY_S = 1.0, 30.0
_SETTLED_S = 60.0  # who ran that long starts again soon


async def bring_up(process: ServerProcess, console: Console, says: str = "is ready") -> None:
    """Launch and wait until ready; StackError with the end of its log when that does not come."""
    process.launch()
    try:
        async with asyncio.timeout(process.start_timeout_s):
            while not await asyncio.to_thread(process.is_ready):
                if not process.running:
                    raise process.did_not_start()
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise process.did_not_start() from None
    console.step(f"{process.name} {says}")


async def keep_running(process: ServerProcess, console: Console) -> None:
    """Start the process again whenever it ends, later and later when it keeps ending."""
    loop = asyncio.get_running_loop()
    delay_s = _FIRST_DELAY_S
    while True:
        began = loop.time()
        if process.running:
            await _ended(process)
        if loop.time() - began > _SETTLED_S:
            delay_s = _FIRST_DELAY_S
        console.step(
            f"{process.name} ended ({_how(process.exit_code)}), it starts again in {delay_s:g} s: {process.log}"
        )
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
        try:
            await bring_up(process, console, "is ready again")
        except StackError as error:
            console.step(str(error).partition("\n")[0])


async def stop_in_order(processes: Sequence[ServerProcess], hurry: asyncio.Event, console: Console) -> None:
    """Ask one after the other to end; kill who does not in time, and all when told to hurry."""
    for process in processes:
        if not process.running:
            continue
        if not hurry.is_set():
            process.terminate()
            await _ended_or(hurry, process)
        killed = process.running
        process.kill()
        console.step(f"{process.name} {'killed' if killed else 'stopped'}")


async def run_once(name: str, command: Sequence[str], environment: dict[str, str], log: Path) -> str:
    """Run a command to its end and return what it printed; StackError with the end of its output when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    with log.open("ab") as lines:
        lines.write(errors)
    if process.returncode:
        tail = (errors or output).decode(errors="replace").splitlines()[-15:]
        raise StackError("\n".join([f"{name} failed:", *tail]))
    return output.decode()


async def _ended(process: ServerProcess) -> None:
    """Return when the process is gone."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    watched = os.pidfd_open(process.pid)
    loop.add_reader(watched, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)


async def _ended_or(hurry: asyncio.Event, process: ServerProcess) -> None:
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(_ended(process)), tasks.create_task(hurry.wait())]
        await asyncio.wait(waits, timeout=process.stop_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _how(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    return f"signal {-exit_code}"
