"""`python -m vt600_simulator fleet`: virtual trackers against a gateway, with a report at the end."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

import uvloop

from vt600_simulator.behaviour import read_behaviour
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.report import summary, write_journal

_DEFAULTS = FleetSettings()


def main() -> None:
    """Parse the command line and run the fleet until its time is over or a signal comes."""
    parser = argparse.ArgumentParser(prog="vt600-simulator", description=__doc__)
    fleet = parser.add_subparsers(required=True).add_parser("fleet", help="many trackers at once")
    fleet.add_argument("--host", default=_DEFAULTS.host)
    fleet.add_argument("--port", type=int, default=_DEFAULTS.port)
    fleet.add_argument("--count", type=int, default=_DEFAULTS.count, help="trackers")
    fleet.add_argument("--dialect", choices=("binary", "ascii", "mixed"), default=_DEFAULTS.dialect)
    fleet.add_argument("--transport", choices=("tcp", "udp", "mixed"), default=_DEFAULTS.transport)
    fleet.add_argument("--confirmed-share", type=float, default=_DEFAULTS.confirmed_share, help="of the ASCII trackers")
    pace = fleet.add_mutually_exclusive_group()
    pace.add_argument(
        "--interval", type=float, default=_DEFAULTS.interval_s, help="seconds between a tracker's reports"
    )
    pace.add_argument("--rate", type=float, help="reports per second of the whole fleet, instead of --interval")
    fleet.add_argument("--duration", type=float, help="seconds; without it until SIGINT or SIGTERM")
    fleet.add_argument("--outage-share", type=float, default=_DEFAULTS.outage_share, help="of the trackers")
    fleet.add_argument("--outage", type=float, default=_DEFAULTS.outage_s, help="seconds without a network")
    fleet.add_argument("--outage-every", type=float, default=_DEFAULTS.outage_every_s, help="seconds with a network")
    fleet.add_argument(
        "--behaviour",
        type=read_behaviour,
        action="append",
        help="how a tracker takes commands, as in obeys,refuses,late,twice,wrong_code,broken,silent,dies (each command one of"
        " them), late_s=5, nat_s=60, nat_resets; when repeated, each tracker gets one of them",
    )
    fleet.add_argument("--settle", type=float, default=_DEFAULTS.settle_s, help="seconds for the last confirmations")
    fleet.add_argument("--seed", type=int, default=_DEFAULTS.seed)
    fleet.add_argument("--first-number", type=int, default=_DEFAULTS.first_number, help="of the first identity")
    fleet.add_argument("--journal", type=Path, help="one JSON line for each report and command")
    fleet.add_argument("--report", type=Path, help="the summary as JSON")
    uvloop.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    interval_s = arguments.count / arguments.rate if arguments.rate else arguments.interval
    fleet = Fleet(
        FleetSettings(
            host=arguments.host,
            port=arguments.port,
            count=arguments.count,
            dialect=arguments.dialect,
            transport=arguments.transport,
            confirmed_share=arguments.confirmed_share,
            interval_s=interval_s,
            outage_share=arguments.outage_share,
            outage_s=arguments.outage,
            outage_every_s=arguments.outage_every,
            settle_s=arguments.settle,
            seed=arguments.seed,
            first_number=arguments.first_number,
            behaviours=tuple(arguments.behaviour or _DEFAULTS.behaviours),
        )
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.duration:
        loop.call_later(arguments.duration, stop.set)
    print(f"{arguments.count} trackers drive, a report every {interval_s:g} s each", flush=True)
    await fleet.run(stop)
    figures = summary(fleet)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):32} {value}")
    if arguments.report:
        arguments.report.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.journal:
        write_journal(fleet, arguments.journal)


if __name__ == "__main__":
    main()
