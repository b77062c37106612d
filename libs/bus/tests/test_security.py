"""Every client against a broker that demands TLS and a password, and what one sees when it does not let us in."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import structlog
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from vt600_bus import DeadLetters, Follower, KafkaSettings, Publisher, Subscriber, apply_topics
from vt600_bus.letter_box import LetterBox
from vt600_bus.records import Reject
from vt600_bus.topics import REJECTS
from vt600_local.certificates import Authority
from vt600_local.kafka import Kafka, Secure

pytestmark = pytest.mark.servers

_PATIENCE_S = 60.0
_PASSWORD = "a-password"


@dataclass(frozen=True)
class SecureBroker:
    """Where it is, and the authorities that signed its certificate, and that did not."""

    servers: str
    cafile: Path
    other_cafile: Path


@pytest.fixture(scope="module")
def broker(servers_folder: Path) -> Iterator[SecureBroker]:
    """One broker for all of this file."""
    folder = servers_folder / "kafka-secure"
    authority, other = Authority(folder / "authority"), Authority(folder / "other")
    kafka = Kafka(folder, secure=Secure(authority.issue("127.0.0.1"), {"gateway": _PASSWORD}))
    try:
        kafka.start()
        yield SecureBroker(f"127.0.0.1:{kafka.secure_port}", authority.cafile, other.cafile)
    finally:
        kafka.stop()


def settings(broker: SecureBroker, **changed: Any) -> KafkaSettings:
    values = {
        "bootstrap_servers": broker.servers,
        "security_protocol": "SASL_SSL",
        "sasl_username": "gateway",
        "sasl_password": _PASSWORD,
        "ssl_cafile": broker.cafile,
        **changed,
    }
    return KafkaSettings(**values)


def reject(peer: str) -> Reject:
    return Reject(
        peer=peer,
        transport="tcp",
        listener_id="security-test",
        received_at=datetime.now(UTC),
        reason="test",
        detail="",
        raw=b"",
        total_bytes=0,
    )


def connections_to(broker: SecureBroker) -> int:
    """How many of our sockets are connected there."""
    port = int(broker.servers.partition(":")[2])
    return sum(link.raddr[1:] == (port,) for link in psutil.Process().net_connections())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_every_client_gets_in_with_tls_and_a_password(broker: SecureBroker, mechanism: str) -> None:
    kafka, peer = settings(broker, sasl_mechanism=mechanism), uuid.uuid4().hex
    await apply_topics(kafka)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(_PATIENCE_S))
        publisher = await stack.enter_async_context(Publisher(kafka, client_id="test"))
        subscriber = await stack.enter_async_context(
            Subscriber(kafka, group=uuid.uuid4().hex, topics=[REJECTS], client_id="test")
        )
        follower = await stack.enter_async_context(Follower(kafka, [REJECTS], client_id="test", start="beginning"))
        await publisher.publish(REJECTS, peer, reject(peer))
        batch = await subscriber.next_batch()
        await subscriber.commit(batch)
        followed = await follower.next_batch()
        await DeadLetters(publisher, "test").publish(batch.deliveries[-1], ValueError(peer))
        async with LetterBox.open(kafka) as box:
            letters = [stored.letter async for stored in box.read()]
            await box.requeue([])

    assert batch.deliveries[0].key is not None
    assert followed[0].key is not None
    assert letters[-1].error.endswith(peer)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sasl_password": "wrong"}, "invalid credentials"),
        ({"sasl_password": "wrong", "sasl_mechanism": "PLAIN"}, "Invalid username or password"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "UnsupportedSaslMechanism"),
        ({"ssl_cafile": "other_cafile"}, "certificate verify failed"),
    ],
)
async def test_who_is_not_let_in_says_why_in_one_line_and_goes_on_trying(
    broker: SecureBroker, changed: dict[str, str], reason: str
) -> None:
    wrong = {name: getattr(broker, value, value) for name, value in changed.items()}
    kafka = settings(broker, **wrong)

    async def three_tries(client: Publisher | Subscriber | Follower) -> list[str]:
        tries = 0

        async def pause(_s: float) -> None:
            nonlocal tries
            tries += 1
            await sleep(0)

        sleep = asyncio.sleep
        with structlog.testing.capture_logs() as lines, pytest.MonkeyPatch.context() as patch:
            patch.setattr("vt600_bus.outage.asyncio.sleep", pause)
            async with client, asyncio.TaskGroup() as tasks:
                waiting = None if isinstance(client, Publisher) else tasks.create_task(client.next_batch())
                while tries < 3:
                    await sleep(0.01)
                if waiting is not None:
                    waiting.cancel()
        return [line["error"] for line in lines if line["event"] == "bus.unreachable"]

    publisher = Publisher(kafka, client_id="test")
    async with asyncio.timeout(_PATIENCE_S):
        said = [
            await three_tries(publisher),
            await three_tries(Subscriber(kafka, group="test", topics=[REJECTS], client_id="test")),
            await three_tries(Follower(kafka, [REJECTS], client_id="test", start="end")),
        ]
        await until(lambda: not connections_to(broker))

    assert [len(errors) for errors in said] == [1, 1, 1]
    assert all(broker.servers in error and reason in error for [error] in said)
    assert not publisher.healthy


async def test_topics_cannot_be_applied_without_the_right_password(broker: SecureBroker) -> None:
    with pytest.raises(KafkaError):
        await apply_topics(settings(broker, sasl_password="wrong"))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nowhere/ca.pem"}, "/nowhere/ca.pem holds no certificates"),
        ({"security_protocol": "SSL", "ssl_cafile": __file__}, "holds no certificates"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        KafkaSettings(**given)


def test_the_password_is_not_shown(broker: SecureBroker) -> None:
    assert _PASSWORD not in repr(settings(broker))
