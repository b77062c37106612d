"""What was refused, over HTTP."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vt600_api.rejects.schemas import RejectPage

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2021, 5, 4, 12, 0, tzinfo=UTC)
PEERS = ("192.0.2.7:40001", "192.0.2.7:5", "192.0.2.77:40001", "[2001:db8::7]:40001")


@pytest.fixture
async def reason(add_row: "AddRow") -> str:
    """A reason of the test's own, for which two rejects came in each of ten seconds, from four peers in turn."""
    reason = f"r_{uuid.uuid4().hex[:12]}"
    for number in range(20):
        await add_row(
            "rejects", received_at=NOON + timedelta(seconds=number // 2), reject_id=f"{reason[2:]:0>31}{number % 2}",
            peer=PEERS[number % 4], transport="tcp", listener_id="l", reason=reason, detail=str(number),
            raw=bytes([number]) * 4096, total_bytes=10**6,
        )  # fmt: skip
    return reason


async def found(served: "Served", **query: Any) -> list[int]:
    """The numbers of all rejects, page by page."""
    client = await served.client()
    numbers: list[int] = []
    while True:
        answer = await client.get("/v1/rejects", params={"limit": 3, "order": "asc", **query})
        assert answer.status_code == 200, answer.text
        page = RejectPage.model_validate(answer.json())
        numbers += [int(item.detail) for item in page.items]
        if page.next_cursor is None:
            return numbers
        query["cursor"] = page.next_cursor


async def test_pages_hold_each_reject_once_in_both_directions(served: "Served", reason: str) -> None:
    assert await found(served, reason=reason) == list(range(20))
    assert await found(served, reason=reason, order="desc") == list(range(20))[::-1]
    assert await found(served, reason=reason, limit=20) == list(range(20))


async def test_rejects_are_narrowed_by_peer_reason_and_span(served: "Served", reason: str) -> None:
    assert await found(served, peer="192.0.2.7", reason=reason) == [0, 1, 4, 5, 8, 9, 12, 13, 16, 17]
    assert await found(served, peer="2001:0db8::0007", reason=reason) == [3, 7, 11, 15, 19]
    assert await found(served, peer="192.0.2.9", reason=reason) == []
    assert await found(served, reason=f"{reason}x") == []
    span = {"from": "2021-05-04T12:00:02Z", "to": "2021-05-04T12:00:04Z"}
    assert await found(served, reason=reason, **span) == [4, 5, 6, 7]
    assert await found(served, peer="192.0.2.77", reason=reason, **span) == [6]


async def test_the_bytes_are_hex_and_say_how_many_there_were(served: "Served", reason: str) -> None:
    page = (await (await served.client()).get("/v1/rejects", params={"reason": reason, "limit": 1})).json()
    (item,) = page["items"]

    assert (item["raw"], item["total_bytes"]) == ("13" * 4096, 10**6)
    assert item["received_at"] == "2021-05-04T12:00:09Z"
    assert item["device_id"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"peer": "192.0.2.7:40001"}, "invalid_request"),
        ({"reason": "x'y"}, "invalid_request"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"from": "2021-05-04T12:00:10Z", "to": "2021-05-04T12:00:00Z"}, "invalid_span"),
    ],
)
async def test_a_question_that_is_wrong_has_a_code(served: "Served", query: dict[str, str], code: str) -> None:
    answer = await (await served.client()).get("/v1/rejects", params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
