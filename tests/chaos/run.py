"""`make chaos`: commands of every class while everything is killed and restarted; both ends are recorded, then judged."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import httpx
import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.chaos.asking import Asking
from tests.chaos.ends import arrivals, read_commands, tell
from tests.chaos.faults import Faults
from tests.chaos.history import History, State, write
from tests.chaos.judge import Violation, judge
from tests.gateway import Gateway, eventually

from vt600_bus import KafkaSettings, apply_topics
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres
from vt600_local.server import ServerProcess
from vt600_simulator.behaviour import read_behaviour
from vt600_simulator.fleet import Fleet, FleetSettings

SETTINGS: Mapping[str, str] = {
    "COMMANDER_REPLY_TIMEOUT_S": "4",
    "COMMANDER_DISPATCH_TIMEOUT_S": "4",
    "COMMANDER_BACK_OFF_S": "1",
    "LISTENER_TCP_PATH_S": "1",
}
_BEHAVIOURS = (
    "obeys",
    "obeys,obeys,refuses",
    "obeys,late,late_s=2",
    "obeys,late,late_s=12",
    "obeys,twice",
    "obeys,wrong_code,broken",
    "obeys,silent",
    "obeys,obeys,dies",
    "obeys,nat_s=1.5",
    "obeys,nat_s=1.5,nat_resets",
    "obeys,refuses,late,twice,wrong_code,broken,silent,dies,late_s=2,nat_s=1.5",
)
_INTERVAL_S = 2.0
_GRACE_S = 30.0
_SLACK_S = 1.0
_WAITING = frozenset(("queued", "dispatched", "written"))
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is asked for, for how long things fall, and the seed of all chances."""

    seconds: float
    commands: int
    seed: int
    trackers: int = 60

    @property
    def deadlines_s(self) -> tuple[float, float]:
        """Long enough that most commands outlive a fault, short enough that all end soon after the last one."""
        return (3.0, min(45.0, self.seconds / 3))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was recorded. `ended_themselves` names processes that stopped without being killed."""

    history: History
    ended_themselves: list[str]


async def run(plan: Plan, gateway: Gateway, servers: tuple[ServerProcess, ...]) -> Outcome:
    """Drive, ask and kill; then let everything settle."""
    fleet = Fleet(_fleet(plan, gateway.listener_port))
    faults = Faults((*servers, *gateway.listeners, gateway.commander, gateway.api, gateway.ingest), plan.seed)
    hang_up, calm = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks, gateway.client() as client:
        driving = tasks.create_task(fleet.run(hang_up))
        await eventually(lambda: _known(client), lambda count: count >= plan.trackers, timeout_s=60)
        asking = Asking(
            client, fleet.trackers, seed=plan.seed, deadlines_s=plan.deadlines_s, patience_s=min(70.0, plan.seconds / 3)
        )
        falling = tasks.create_task(faults.run(calm))
        await asking.run(plan.commands, plan.seconds)
        calm.set()
        await falling
        ended_at = await _settle(client, plan)
        told = await tell(client)
        hang_up.set()
        await driving
    history = History(
        seed=plan.seed,
        ended_at=ended_at,
        grace_s=_GRACE_S,
        slack_s=_SLACK_S,
        asked=tuple(asking.asked),
        told=told,
        received=arrivals(fleet.trackers),
        faults=tuple(faults.done),
    )
    return Outcome(history, faults.ended_themselves)


def _fleet(plan: Plan, port: int) -> FleetSettings:
    return FleetSettings(
        port=port,
        count=plan.trackers,
        transport="mixed",
        interval_s=_INTERVAL_S,
        outage_share=0.3,
        outage_s=4.0,
        outage_every_s=15.0,
        settle_s=5.0,
        seed=plan.seed,
        behaviours=tuple(read_behaviour(text) for text in _BEHAVIOURS),
    )


async def _known(client: httpx.AsyncClient) -> int:
    return len((await client.get("/v1/positions/latest", params={"limit": 1000})).json()["items"])


async def _settle(client: httpx.AsyncClient, plan: Plan) -> datetime:
    """Wait until no command that was given a deadline by us waits any more, or it should not. The moment of the last look."""
    patience_s = plan.deadlines_s[1] + _GRACE_S + 5
    long_wait_s = plan.deadlines_s[1] + 1

    async def waiting() -> int:
        now, count = datetime.now(UTC), 0
        for command in await read_commands(client):
            left_s = (datetime.fromisoformat(command["deadline_at"]) - now).total_seconds()
            count += command["state"] in _WAITING and left_s < long_wait_s
        return count

    try:
        await eventually(waiting, 0, timeout_s=patience_s)
    except AssertionError as error:
        print(f"commands still wait: {error}")
    return datetime.now(UTC)


def report(outcome: Outcome, violations: Sequence[Violation]) -> None:
    """States by class, faults, answers over REST, and each violation with its history."""
    history = outcome.history
    states = Counter((told.command_class, told.state) for told in history.told)
    names: tuple[State, ...] = get_args(State)
    print(f"seed {history.seed}: {len(history.told)} commands, {len(history.received)} arrivals")
    print(f"  {'':10}" + "".join(f"{name:>13}" for name in names))
    for kind in ("query", "setting", "actuating"):
        print(f"  {kind:10}" + "".join(f"{states[kind, name]:>13}" for name in names))
    fallen = Counter(name for fault in history.faults for name in fault.names)
    print("killed: " + ", ".join(f"{name} {count}×" for name, count in sorted(fallen.items())))
    print(f"ended without being killed: {', '.join(outcome.ended_themselves) or 'none'}")
    answers = Counter("no answer" if asked.status is None else str(asked.status) for asked in history.asked)
    print("answers over REST: " + ", ".join(f"{name} {count}×" for name, count in sorted(answers.items())))
    print(
        "taken by the devices: "
        + ", ".join(f"{n} {c}×" for n, c in Counter(r.manner for r in history.received).items())
    )
    print(f"violations: {len(violations)} {dict(Counter(each.rule for each in violations))}")
    for violation in violations[:_SHOWN]:
        print(f"- {violation.rule}: {violation.text}")
        for event in violation.events:
            print(f"    {msgspec.json.encode(event).decode()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--commands", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--trackers", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="the history and the logs of a run without violations too")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    plan = Plan(seconds=arguments.minutes * 60, commands=arguments.commands, seed=seed, trackers=arguments.trackers)
    print(f"{plan.commands} commands in {arguments.minutes:g} minutes, seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="vt600-chaos-"))
    folder.chmod(0o711)
    outcome = _run_in(folder, plan)
    history = folder / "history.jsonl"
    write(outcome.history, history)
    violations = judge(outcome.history)
    report(outcome, violations)
    if violations or outcome.ended_themselves or arguments.keep:
        sys.exit(f"the history is {history}, the logs are beside it")
    shutil.rmtree(folder, ignore_errors=True)


def _run_in(folder: Path, plan: Plan) -> Outcome:
    with ExitStack() as stack:
        kafka, postgres = Kafka(folder / "kafka"), Postgres(folder / "postgres")
        for server in (kafka, postgres):
            stack.callback(server.stop)
            server.start()
        asyncio.run(apply_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
        gateway = Gateway(folder, kafka_servers=kafka.bootstrap_servers, database_url=postgres.url, settings=SETTINGS)
        stack.callback(gateway.stop)
        gateway.start(listeners=2)
        return asyncio.run(run(plan, gateway, (kafka, postgres)))


if __name__ == "__main__":
    main()
