"""Nobody gets in without a key that may."""

from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from vt600_api.auth import SCOPES, Caller, key_hash, new_key

if TYPE_CHECKING:
    from rest.conftest import MakeClient

pytestmark = pytest.mark.servers

NOBODY = "00000000-0000-0000-0000-000000000000"
EXAMPLES = {"device_id": "1", "command_id": NOBODY, "sequence_id": NOBODY, "campaign_id": NOBODY, "setting": "x"}


async def test_every_route_wants_a_key(app: FastAPI, make_client: "MakeClient") -> None:
    client = await make_client()
    described = (await client.get("/openapi.json")).json()["paths"]
    asked = [(method, path) for path, methods in described.items() for method in methods]
    assert len(asked) >= 13
    for method, path in asked:
        answer = await client.request(method, path.format(**EXAMPLES), json={})

        assert answer.status_code == 401, (method, path)
        assert answer.json()["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_route_that_is_not_described_is_none(app: FastAPI) -> None:
    hidden = [route.path for route in app.routes if isinstance(route, APIRoute) and not route.include_in_schema]

    assert hidden == []


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("GET", "/v1/devices", None, "read:positions"),
        ("GET", "/v1/devices/1/frames", None, "read:raw"),
        ("POST", "/v1/devices", {"device_id": "1"}, "write:devices"),
        ("POST", "/v1/devices/1/commands", {"type": "identify"}, "send:commands"),
    ],
)
async def test_a_key_opens_what_its_scopes_say(
    make_client: "MakeClient", method: str, path: str, body: object, scope: str
) -> None:
    others = [name for name in SCOPES if name not in (scope, "admin")]
    refused = await (await make_client(*others)).request(method, path, json=body)
    allowed = await (await make_client(scope)).request(method, path, json=body)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert allowed.status_code not in (401, 403)


async def test_a_key_can_come_in_a_header_of_its_own(admin: httpx.AsyncClient, make_client: "MakeClient") -> None:
    key = admin.headers["authorization"].removeprefix("Bearer ")
    client = await make_client()

    assert (await client.get("/v1/devices", headers={"X-API-Key": key})).status_code == 200
    assert (await client.get("/v1/devices", headers={"X-API-Key": key + "x"})).status_code == 401
    assert (await client.get("/v1/devices", params={"api_key": key})).status_code == 401


async def test_a_revoked_key_opens_nothing(admin: httpx.AsyncClient, database: asyncpg.Connection) -> None:
    before = await admin.get("/v1/devices")
    await database.execute("UPDATE fleet.api_keys SET revoked_at = now()")
    after = await admin.get("/v1/devices")

    assert (before.status_code, after.status_code) == (200, 401)


def test_keys_are_random_and_only_their_hash_is_kept() -> None:
    first, second = new_key(), new_key()

    assert first != second
    assert len(first) > 40
    assert first.encode() not in key_hash(first)


def test_admin_contains_every_scope() -> None:
    assert all(Caller("a", frozenset(("admin",))).may(scope) for scope in SCOPES)
