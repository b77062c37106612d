"""A whole gateway whose Kafka and PostgreSQL demand TLS and passwords, and what an operator sees when they do not let it in."""

import asyncio
import json
import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.gateway import Gateway, eventually

from vt600_bus import KafkaSettings, apply_topics
from vt600_local.certificates import Authority
from vt600_local.kafka import Kafka, Secure
from vt600_local.postgres import Postgres
from vt600_local.reach import server_user
from vt600_local.service import Service
from vt600_protocol import encode_login

pytestmark = pytest.mark.servers

_PASSWORD = "a-password"


@dataclass(frozen=True)
class Servers:
    """Where they are, and an authority that did not sign their certificates."""

    kafka: Kafka
    postgres: Postgres
    cafile: Path
    other_cafile: Path

    def database_url(self, *, cafile: Path | None = None) -> str:
        return f"{self.postgres.url}?sslmode=verify-full&sslrootcert={cafile or self.cafile}"

    def environment(self, **changed: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka.secure_port}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": "gateway",
            "KAFKA_SASL_PASSWORD": _PASSWORD,
            "KAFKA_SSL_CAFILE": str(self.cafile),
            **changed,
        }


@pytest.fixture(scope="module")
def servers(servers_folder: Path) -> Iterator[Servers]:
    """Both servers; PostgreSQL takes nobody without TLS, and Kafka's plain listener is for the broker itself."""
    binaries = _server_with_tls()
    folder = servers_folder / "secure"
    authority, other = Authority(folder / "authority"), Authority(folder / "other")
    certificate = authority.issue("127.0.0.1")
    kafka = Kafka(folder / "kafka", secure=Secure(certificate, {"gateway": _PASSWORD}))
    postgres = Postgres(folder / "postgres", settings=_demand_tls(folder, certificate), binaries=binaries)
    try:
        kafka.start()
        asyncio.run(apply_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
        postgres.start()
        yield Servers(kafka, postgres, authority.cafile, other.cafile)
    finally:
        postgres.stop()
        kafka.stop()


def _server_with_tls() -> Path:
    """Debian's, because the wheel's build has no TLS."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL with TLS is here (Debian: apt install postgresql)")
    return found[-1].parent


def _demand_tls(folder: Path, certificate: Path) -> dict[str, str]:
    rules, key = folder / "pg_hba.conf", folder / "server.pem"
    rules.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    shutil.copy(certificate, key)
    key.chmod(0o600)
    user = server_user()
    if user is not None:
        os.chown(key, pwd.getpwnam(user).pw_uid, -1)
    return {
        "log_connections": "on",
        "ssl": "on",
        "ssl_cert_file": str(key),
        "ssl_key_file": str(key),
        "hba_file": str(rules),
    }


@pytest.fixture
def make_gateway(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    """Gateways that belong to one test."""
    made: list[Gateway] = []

    def make(*, database_url: str, **changed: str) -> Gateway:
        environment = servers.environment(**changed)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / str(len(made))
        folder.mkdir()
        gateway = Gateway(folder, kafka_servers=environment["KAFKA_BOOTSTRAP_SERVERS"], database_url=database_url)
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.stop()


def lines(service: Service, event: str) -> list[dict[str, str]]:
    if not service.log.exists():
        return []
    found = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


async def test_everything_works_over_tls_with_passwords(servers: Servers, make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(database_url=servers.database_url())
    await asyncio.to_thread(gateway.start)
    device_id = "8600000000001"
    _reader, writer = await asyncio.open_connection("127.0.0.1", gateway.listener_port)
    try:
        async with gateway.client() as http:
            writer.write(encode_login(device_id))

            async def pending() -> bool:
                return device_id in (await http.get("/v1/pending-devices")).text

            await eventually(pending, bool)
    finally:
        writer.close()


@pytest.mark.parametrize("wrong", ["password", "authority"])
async def test_a_database_that_does_not_let_us_in_is_one_line_each_and_no_exit(
    servers: Servers, make_gateway: Callable[..., Gateway], wrong: str
) -> None:
    if wrong == "password":
        password = servers.postgres.url.split(":")[2].split("@")[0]
        url, reason = servers.database_url().replace(password, "no"), "password authentication failed"
    else:
        url, reason = servers.database_url(cafile=servers.other_cafile), "certificate verify failed"
    gateway = make_gateway(database_url=url)
    processes = [gateway.ingest, gateway.trips, gateway.campaigns, gateway.api, gateway.commander]
    for process in processes:
        process.launch()
    said = {
        process.name: "database.unreachable" if process is gateway.commander else "store.unreachable"
        for process in processes
    }

    async def heard() -> bool:
        return all(lines(process, said[process.name]) for process in processes)

    await eventually(heard, bool)
    tried = "connection received"
    before = servers.postgres.log.read_text().count(tried)

    async def further_tries() -> int:
        return servers.postgres.log.read_text().count(tried) - before

    await eventually(further_tries, lambda tries: tries >= 8)

    assert all(process.running and not process.is_ready() for process in processes)
    for process in processes:
        found = lines(process, said[process.name])
        connections = [line.get("connection") for line in found]

        assert len(connections) == len(set(connections))  # each of them said it once
        assert all(reason in line["error"] for line in found)
        assert "Traceback" not in process.log.read_text()


async def test_a_broker_that_does_not_let_us_in_makes_nobody_exit(
    servers: Servers, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway(database_url=servers.database_url(), KAFKA_SASL_PASSWORD="wrong")
    await asyncio.to_thread(gateway.migrate)
    gateway.add_listener(start=False)
    processes = [gateway.listener, gateway.ingest, gateway.api, gateway.commander]
    for process in processes:
        process.launch()

    async def reasons() -> list[bool]:
        return [bool(lines(process, "bus.unreachable")) for process in processes]

    await eventually(reasons, [True] * len(processes))

    assert all(process.running and not process.is_ready() for process in processes)
    for process in processes:
        assert all("invalid credentials" in line["error"] for line in lines(process, "bus.unreachable"))
        assert "Traceback" not in process.log.read_text()
