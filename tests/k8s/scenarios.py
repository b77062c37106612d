"""What is done to the gateway while a fleet reports. Each prints its figures and raises when a promise was not kept."""

import asyncio
import time
import uuid
from collections import Counter
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import count

import httpx
from tests.gateway import eventually
from tests.k8s import cluster, stage
from tests.k8s.load import Load, driving, judge
from tests.k8s.node import ADDRESS
from tests.k8s.stage import WORKLOADS, Pod, Stage, pods

from vt600_simulator.tracker import Tracker

_FINAL = {"acknowledged", "failed", "expired", "cancelled", "rejected", "unknown"}
_first_numbers = count(1, 10_000)


async def install(scene: Stage) -> None:
    """Everything is ready, and the first position can be read through the Service."""
    print(f"  topics, migrations and all pods ready {scene.ready_s:.0f} s after `kubectl apply`")
    for name in WORKLOADS:
        for pod in pods(name):
            print(
                f"  {name}: {pod.start_s:.0f} s from start to ready, {pod.resident_mib:.0f} MiB, {pod.restarts} restarts"
            )
    async with scene.client() as client, driving(count=10, interval_s=1.0, first_number=next(_first_numbers)) as load:
        began = time.monotonic()
        await eventually(
            lambda: _devices_with_position(client), lambda devices: len(devices) >= len(load.fleet.trackers)
        )
        print(f"  positions of all by REST {time.monotonic() - began:.1f} s after their links")


async def rolling_update(scene: Stage) -> None:
    """The listeners are replaced under load; commands that are submitted meanwhile end truthfully."""
    await asyncio.to_thread(scale_to, "listener", 2)
    async with scene.client() as client, _driven(count=2_000, interval_s=5.0) as load:
        for name in WORKLOADS:
            print(f"  {name} under load: {', '.join(f'{pod.resident_mib:.0f} MiB' for pod in pods(name))}")
        before = load.fleet.reconnects
        update = asyncio.create_task(asyncio.to_thread(restart, "listener"))
        commands = await _submit(client, load)
        took = await update
        back = await load.all_linked()
        print(
            f"  update took {took:.0f} s, all were back {back:.1f} s later, {load.fleet.reconnects - before:,} reconnects"
        )
        await _end_truthfully(client, commands)
    await judge(scene, load)


async def scale(scene: Stage) -> None:
    """Listeners 1 → 4 → 1, ingest 1 → 3 → 1. Links stay where they are: those that came when there were four have to move."""
    async with _driven(count=300, interval_s=2.0) as early:
        await _resize("listener", 4, early)
        async with _driven(count=300, interval_s=2.0) as load:
            await _resize("listener", 1, early, load)
            for number in (3, 1):
                await _resize("ingest", number, early, load)
            assert load.fleet.reconnects
    for one in (early, load):
        await judge(scene, one)


async def _resize(name: str, number: int, *loads: Load) -> None:
    began = time.monotonic()
    await asyncio.to_thread(scale_to, name, number)
    for load in loads:
        await load.all_linked()
    print(f"  {name} to {number}: {time.monotonic() - began:.1f} s")
    await asyncio.sleep(4.0)  # a span under load, not a wait for something


async def kill(scene: Stage) -> None:
    """Kill -9 of one pod of each kind."""
    async with _driven(count=500, interval_s=2.0) as load:
        for name in WORKLOADS:
            victim = pods(name)[0]
            began = time.monotonic()
            await asyncio.to_thread(cluster.kill, victim.container)
            await eventually(partial(asyncio.to_thread, _restarted, name, victim), wanted=True, timeout_s=120)
            await asyncio.to_thread(stage.wait_until_ready, name)
            await load.all_linked()
            print(f"  {name} ready again after {time.monotonic() - began:.1f} s")
    await judge(scene, load)


async def node_drain(scene: Stage) -> None:
    """The node is drained of its listeners: the disruption budget lets one go at a time."""
    await asyncio.to_thread(scale_to, "listener", 3)
    async with _driven(count=500, interval_s=2.0) as load:
        began = time.monotonic()
        fewest = 3
        drain = asyncio.create_task(
            asyncio.to_thread(
                cluster.kubectl, "drain", "node-1", "--pod-selector=app.kubernetes.io/name=listener", "--timeout=600s"
            )
        )
        while not drain.done():
            # There is one node only: new pods find their place where the old ones were.
            await asyncio.to_thread(cluster.kubectl, "uncordon", "node-1")
            fewest = min(fewest, await asyncio.to_thread(_ready_count, "listener"))
            await asyncio.sleep(0.5)
        await drain
        await asyncio.to_thread(stage.wait_until_ready, "listener")
        print(f"  drained after {time.monotonic() - began:.0f} s, never fewer than {fewest} of 3 listeners ready")
        assert fewest >= 2
        await load.all_linked()
    await judge(scene, load)


async def bad_input(scene: Stage) -> None:
    """What the operator sees of a missing Secret, of a broker that cannot be reached, and of a port that is taken."""
    await asyncio.to_thread(cluster.kubectl, "delete", "secret", "databases")
    await asyncio.to_thread(cluster.kubectl, "rollout", "restart", "deployment/trips")
    said = await eventually(partial(asyncio.to_thread, _complaints, "trips"), lambda text: "databases" in text)
    print(f"  missing Secret, `kubectl describe pod`: {said}")
    await asyncio.to_thread(scene.make_secrets)
    await asyncio.to_thread(stage.wait_until_ready, "trips")

    old = {pod.name for pod in pods("listener")}
    await asyncio.to_thread(
        cluster.kubectl, "set", "env", "deployment/listener", f"KAFKA_BOOTSTRAP_SERVERS={ADDRESS}:9"
    )
    said = await line_of_a_new_pod("listener", old, f"{ADDRESS}:9")
    print(f"  unreachable broker, `kubectl logs`: {said}")
    assert old <= {pod.name for pod in pods("listener")}
    await asyncio.to_thread(cluster.kubectl, "rollout", "undo", "deployment/listener")
    await asyncio.to_thread(stage.wait_until_ready, "listener")

    port = await asyncio.to_thread(
        cluster.kubectl, "get", "service", "listener", "-o", "jsonpath={.spec.ports[0].nodePort}"
    )
    taken = "create", "service", "nodeport", "other", "--tcp=8888:8888", f"--node-port={port}"
    try:
        await asyncio.to_thread(cluster.kubectl, *taken)
    except RuntimeError as error:
        print(f"  taken port, `kubectl apply`: {error}")
    else:
        raise AssertionError("two Services have one port")


def _driven(*, count: int, interval_s: float) -> AbstractAsyncContextManager[Load]:
    return driving(count=count, interval_s=interval_s, first_number=next(_first_numbers))


async def _devices_with_position(client: httpx.AsyncClient) -> set[str]:
    answer = await client.get("/v1/positions/latest")
    return {item["device_id"] for item in answer.json()["items"]} if answer.is_success else set()


async def _submit(client: httpx.AsyncClient, load: Load) -> dict[str, Tracker]:
    """A question to each of some trackers with a TCP link; command id → tracker."""
    asked = [tracker for tracker in load.fleet.trackers if tracker.transport == "tcp"][:100]
    found = {}
    for tracker in asked:
        found[await _ask(client, f"/v1/devices/{tracker.device_id}/commands")] = tracker
    return found


async def _ask(client: httpx.AsyncClient, path: str) -> str:
    """As clients are to do it: again with the same key when the answer does not come."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(10):
        try:
            answer = await client.post(path, json={"type": "identify"}, headers=headers)
        except httpx.TransportError as error:
            print(f"  asked again: {error!r}")
        else:
            return str(answer.json()["command_id"])
    raise AssertionError(f"no answer from {path}")


async def _end_truthfully(client: httpx.AsyncClient, commands: dict[str, Tracker]) -> None:
    states: dict[str, str] = {}

    async def look() -> bool:
        for command_id in commands.keys() - states.keys():
            state = (await client.get(f"/v1/commands/{command_id}")).json()["state"]
            if state in _FINAL:
                states[command_id] = state
        return len(states) == len(commands)

    await eventually(look, wanted=True, timeout_s=180)
    print(f"  commands submitted meanwhile: {dict(Counter(states.values()))}")
    assert all(commands[number].commands for number, state in states.items() if state == "acknowledged")


def scale_to(name: str, number: int) -> None:
    """So many pods, all ready; those that are too many have left in order and are gone."""
    cluster.kubectl("scale", f"deployment/{name}", f"--replicas={number}")
    deadline = time.monotonic() + 180
    while not (len(found := pods(name)) == number and all(pod.is_ready for pod in found)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def restart(name: str) -> float:
    """Replace the pods of a workload; seconds until every pod is a new one and the old ones have closed their links and are gone."""
    began = time.monotonic()
    old = [f"pod/{pod.name}" for pod in pods(name)]
    cluster.kubectl("rollout", "restart", f"deployment/{name}")
    stage.wait_until_ready(name, timeout_s=600)
    cluster.kubectl("wait", *old, "--for=delete", "--timeout=300s")
    return time.monotonic() - began


def _restarted(name: str, victim: Pod) -> bool:
    return all(pod.container not in {"", victim.container} for pod in pods(name))


def _ready_count(name: str) -> int:
    said = cluster.kubectl("get", f"deployment/{name}", "-o", "jsonpath={.status.readyReplicas}")
    return int(said or 0)


def _complaints(name: str) -> str:
    """What keeps containers of a workload from starting."""
    path = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.message}"
    return cluster.kubectl("get", "pods", "-l", f"app.kubernetes.io/name={name}", "-o", path)


async def line_of_a_new_pod(name: str, old: set[str], text: str) -> str:
    """Its first line that holds the text, once it has said it."""

    def found() -> list[str]:
        fresh = [pod for pod in pods(name) if pod.name not in old and pod.container]
        lines = cluster.kubectl("logs", fresh[0].name).splitlines() if fresh else []
        return [line for line in lines if text in line]

    return (await eventually(partial(asyncio.to_thread, found), bool, timeout_s=90))[0]
