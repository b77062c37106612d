"""Signals → one event that the process waits for."""

import asyncio
import os
import signal


def stop_on_signals() -> asyncio.Event:
    """The event that SIGTERM and SIGINT set; a second signal ends the process at once, with exit code 1."""
    stop = asyncio.Event()

    def handle() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle)
    return stop
