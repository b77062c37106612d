"""A broker and a database that demand TLS and passwords, right ones and wrong ones."""

import asyncio
import os
import pwd
import shutil
from itertools import count
from pathlib import Path

from tests.gateway import eventually
from tests.k8s import cluster, node, stage
from tests.k8s.load import Load, driving, judge
from tests.k8s.scenarios import line_of_a_new_pod, scale_to
from tests.k8s.stage import NodeKafka, Stage, pods

from vt600_local.certificates import Authority
from vt600_local.kafka import Kafka, Secure
from vt600_local.postgres import Postgres
from vt600_local.reach import server_user

_USER, _PASSWORD = "gateway", "a-password"
_SECURE_PORT = 9093
_BY_TLS = "?sslmode=verify-full&sslrootcert=/etc/vt600/database/ca.crt"
_numbers = count(300_001, 10_000)


class SecureStage(Stage):
    """The overlay local with the component tls."""

    overlay = Path(__file__).parent / "secure_overlay"

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder / "authority")
        self._certificate = self._authority.issue(node.ADDRESS)
        super().__init__(folder)

    def make_kafka(self, folder: Path) -> Kafka:
        kafka = NodeKafka(folder, port=stage.KAFKA_PORT, secure=Secure(self._certificate, {_USER: _PASSWORD}))
        kafka.secure_port = _SECURE_PORT
        return kafka

    def make_postgres(self, folder: Path) -> Postgres:
        key = folder.with_suffix(".pem")
        shutil.copy(self._certificate, key)
        key.chmod(0o600)
        if (user := server_user()) is not None:
            os.chown(key, pwd.getpwnam(user).pw_uid, -1)
        settings = {
            "listen_addresses": f"127.0.0.1,{node.ADDRESS}",
            "hba_file": str(stage.allow(folder, "hostssl")),
            "ssl": "on",
            "ssl_cert_file": str(key),
            "ssl_key_file": str(key),
        }
        # Debian's, because the wheel's build has no TLS.
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        return Postgres(folder, port=stage.POSTGRES_PORT, settings=settings, binaries=binaries)

    def make_secrets(self, *, kafka_password: str = _PASSWORD, database_password: str | None = None) -> None:
        authority = self._authority.cafile.read_text()
        stage.make_secret("kafka-credentials", username=_USER, password=kafka_password)
        stage.make_secret("kafka-ca", **{"ca.crt": authority})
        stage.make_secret("database-ca", **{"ca.crt": authority})
        urls = {name: url + _BY_TLS for name, url in self.urls.items()}
        if database_password is not None:
            urls = {name: url.replace(url.split(":")[2].split("@")[0], database_password) for name, url in urls.items()}
        stage.make_secret("databases", **urls)


async def secure(scene: Stage) -> None:
    """Positions come in; a wrong password is one clear line and an unready pod beside the old one, which goes on."""
    assert isinstance(scene, SecureStage)
    async with driving(count=50, interval_s=1.0, first_number=next(_numbers)) as load:
        await asyncio.to_thread(scene.make_secrets, kafka_password="wrong")
        await _replaced_in_vain("listener", "bus.unreachable", "invalid credentials", load)
        await _righted("listener", scene)
        await asyncio.to_thread(scale_to, "ingest", 2)  # of which one is replaced first
        await asyncio.to_thread(scene.make_secrets, database_password="wrong")
        await _replaced_in_vain("ingest", "store.unreachable", "password authentication failed", load)
        await _righted("ingest", scene)
        for name in ("listener", "ingest"):
            await asyncio.to_thread(cluster.kubectl, "rollout", "restart", f"deployment/{name}")
            await asyncio.to_thread(stage.wait_until_ready, name)
        await load.all_linked()
    await judge(scene, load)


async def _replaced_in_vain(name: str, event: str, reason: str, load: Load) -> None:
    old = {pod.name for pod in pods(name)}
    await asyncio.to_thread(cluster.kubectl, "rollout", "restart", f"deployment/{name}")
    said = await line_of_a_new_pod(name, old, event)
    print(f"  {name}, a wrong password, `kubectl logs`: {said}")
    assert reason in said
    reports = sum(len(tracker.records) for tracker in load.fleet.trackers)
    await eventually(
        lambda: asyncio.sleep(0, sum(len(tracker.records) for tracker in load.fleet.trackers)),
        lambda now: now > reports + 10 * len(load.fleet.trackers),
    )
    now = await asyncio.to_thread(pods, name)
    ready = {pod.name for pod in now if pod.is_ready}
    assert ready
    assert ready <= old
    assert sum(pod.restarts for pod in now) == 0


async def _righted(name: str, scene: SecureStage) -> None:
    """The right passwords first: a pod that takes the place of one that was replaced reads them at its start."""
    await asyncio.to_thread(scene.make_secrets)
    await asyncio.to_thread(cluster.kubectl, "rollout", "undo", f"deployment/{name}")
    await asyncio.to_thread(stage.wait_until_ready, name)
