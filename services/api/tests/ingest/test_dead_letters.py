"""Records that could not be stored are found again, and get another try."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from vt600_api.ingest.dead_letters import main
from vt600_bus import DeadLetters, Delivery, Follower, KafkaSettings, Publisher, encode
from vt600_bus.dead_letters import VALUE_BYTES
from vt600_bus.records import Uplink
from vt600_bus.topics import UPLINKS

pytestmark = pytest.mark.servers

Tool = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tool(kafka_servers: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Runs the command line; gives exit code, output and errors."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_servers)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


async def bury(kafka_servers: str, key: str, value: bytes) -> None:
    async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="a-test") as publisher:
        DeadLetters(publisher, "ingest").publish(Delivery(UPLINKS, 3, 7, key, value), ValueError("too odd"))
        assert await publisher.flush(20)


async def records_of(kafka_servers: str, key: str) -> list[bytes | None]:
    settings = KafkaSettings(bootstrap_servers=kafka_servers)
    found: list[bytes | None] = []
    async with asyncio.timeout(30), Follower(settings, [UPLINKS], client_id="a-test", start="beginning") as follower:
        while not found:
            found += [delivery.value for delivery in await follower.next_batch() if delivery.key == key]
    return found


def test_a_dead_letter_is_listed_shown_and_tried_again(
    tool: Tool, kafka_servers: str, make_uplink: Callable[..., Uplink]
) -> None:
    key, value = f"dead-{uuid.uuid4().hex}", encode(make_uplink())
    asyncio.run(bury(kafka_servers, key, value))
    code, listed, _ = tool("list", "--topic", UPLINKS.name)
    number = next(line.split()[0] for line in reversed(listed.splitlines()) if "too odd" in line)
    _, shown, _ = tool("show", number)
    requeued = tool("requeue", number)

    assert code == 0
    assert f"{UPLINKS.name}-3:7" in listed
    assert f"{datetime.now(UTC):%Y-}" in listed
    assert (key in shown, value.decode() in shown, "partition 3, offset 7" in shown) == (True, True, True)
    assert requeued == (0, "1 requeued; they stay in the list\n", "")
    assert asyncio.run(records_of(kafka_servers, key)) == [value]
    assert tool("list", "--topic", "another")[1] == "0 dead letters\n"


def test_what_was_cut_is_not_tried_again(tool: Tool, kafka_servers: str) -> None:
    asyncio.run(bury(kafka_servers, "cut", bytes(VALUE_BYTES + 1)))
    number = tool("list")[1].splitlines()[-2].split()[0]

    assert tool("requeue", number) == (
        0,
        f"{number} cannot be requeued: its bytes are not whole\n0 requeued; they stay in the list\n",
        "",
    )


@pytest.mark.parametrize("words", [("show", "999999"), ("requeue", "999999"), ("requeue",)])
def test_what_is_not_there_is_one_sentence(tool: Tool, words: tuple[str, ...]) -> None:
    code, out, err = tool(*words)

    assert (code, out) == (1, "")
    assert err.startswith("vt600-ingest dead-letters: ")
    assert err.count("\n") == 1


def test_a_broker_that_is_away_is_one_sentence(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    code, out, err = tool("list")

    assert (code, out) == (1, "")
    assert err.startswith("vt600-ingest dead-letters: Kafka does not answer")
