"""Every route, one by one: whoever has no key or the wrong one stays out."""

from typing import TYPE_CHECKING

import asyncpg
import pytest
import websockets
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from vt600_api.auth import SCOPES

if TYPE_CHECKING:
    from served.conftest import Eventually, MakeKey, Serve, Served

pytestmark = pytest.mark.servers

OPEN = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
IDS = dict.fromkeys(("command_id", "sequence_id", "campaign_id"), "00000000-0000-0000-0000-000000000000")
IDS["setting"] = "apn"
NEEDED = {
    ("GET", "/v1/devices"): "read:positions",
    ("POST", "/v1/devices"): "write:devices",
    ("GET", "/v1/devices/{device_id}"): "read:positions",
    ("PATCH", "/v1/devices/{device_id}"): "write:devices",
    ("POST", "/v1/devices/{device_id}/adopt"): "write:devices",
    ("GET", "/v1/devices/{device_id}/sessions"): "read:positions",
    ("POST", "/v1/devices/{device_id}/disconnect"): "send:commands",
    ("GET", "/v1/pending-devices"): "read:positions",
    ("POST", "/v1/pending-devices/adopt"): "write:devices",
    ("GET", "/v1/positions/latest"): "read:positions",
    ("GET", "/v1/devices/{device_id}/positions/latest"): "read:positions",
    ("GET", "/v1/devices/{device_id}/positions"): "read:positions",
    ("GET", "/v1/devices/{device_id}/frames"): "read:raw",
    ("GET", "/v1/devices/{device_id}/positions/buckets"): "read:positions",
    ("GET", "/v1/devices/{device_id}/positions/export"): "read:positions",
    ("GET", "/v1/devices/{device_id}/track"): "read:positions",
    ("GET", "/v1/devices/{device_id}/gaps"): "read:positions",
    ("GET", "/v1/devices/{device_id}/trips"): "read:positions",
    ("GET", "/v1/devices/{device_id}/stops"): "read:positions",
    ("GET", "/v1/trips"): "read:positions",
    ("GET", "/v1/devices/{device_id}/summaries"): "read:positions",
    ("GET", "/v1/summaries"): "read:positions",
    ("POST", "/v1/positions/area"): "read:positions",
    ("GET", "/v1/rejects"): "read:raw",
    ("GET", "/v1/alarms"): "read:positions",
    ("GET", "/v1/devices/{device_id}/alarms"): "read:positions",
    ("POST", "/v1/devices/{device_id}/commands"): "send:commands",
    ("GET", "/v1/devices/{device_id}/commands"): "read:positions",
    ("GET", "/v1/command-types"): "read:positions",
    ("GET", "/v1/commands"): "read:positions",
    ("GET", "/v1/commands/{command_id}"): "read:positions",
    ("POST", "/v1/commands/{command_id}/confirm"): "send:commands:dangerous",
    ("POST", "/v1/commands/{command_id}/cancel"): "send:commands",
    ("POST", "/v1/devices/{device_id}/command-sequences"): "send:commands",
    ("GET", "/v1/devices/{device_id}/command-sequences"): "read:positions",
    ("GET", "/v1/command-sequences/{sequence_id}"): "read:positions",
    ("POST", "/v1/command-sequences/{sequence_id}/cancel"): "send:commands",
    ("GET", "/v1/devices/{device_id}/desired-settings"): "read:positions",
    ("PUT", "/v1/devices/{device_id}/desired-settings"): "send:commands",
    ("DELETE", "/v1/devices/{device_id}/desired-settings/{setting}"): "send:commands",
    ("POST", "/v1/campaigns"): "send:commands",
    ("GET", "/v1/campaigns"): "read:positions",
    ("GET", "/v1/campaigns/{campaign_id}"): "read:positions",
    ("GET", "/v1/campaigns/{campaign_id}/devices"): "read:positions",
    ("POST", "/v1/campaigns/{campaign_id}/pause"): "send:commands",
    ("POST", "/v1/campaigns/{campaign_id}/resume"): "send:commands",
    ("POST", "/v1/campaigns/{campaign_id}/cancel"): "send:commands",
    ("POST", "/v1/tools/explain"): "read:positions",
    ("POST", "/v1/tools/setup-sms"): "read:positions",
}


def routes_of(served: "Served") -> tuple[set[tuple[str, str]], set[str]]:
    """Every (method, path) of HTTP but the open ones, and every path of WebSockets."""
    asked: set[tuple[str, str]] = set()
    streams: set[str] = set()
    for context in iter_route_contexts(served.app.routes):
        route = context.original_route
        if isinstance(route, APIWebSocketRoute):
            streams.add(route.path)
        elif isinstance(route, APIRoute):
            asked |= {(method, route.path) for method in route.methods or ()}
        else:
            assert context.path in OPEN, f"a route of a kind that this test does not know: {route!r}"
    return asked, streams


async def test_every_route_wants_a_key(served: "Served") -> None:
    asked, streams = routes_of(served)
    client = await served.client("vt600_nobody-knows-this-one")
    assert asked == set(NEEDED)
    for method, path in asked:
        for headers in ({}, {"Authorization": ""}, {"Authorization": "Basic YTpi"}):
            answer = await client.request(method, path.format(device_id="1", **IDS), headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in streams:
        async with websockets.connect(f"ws://127.0.0.1:{served.port}{path}") as stream:
            await stream.wait_closed()

            assert stream.close_code == 4401, path


async def test_every_route_wants_its_scope_and_no_other(served: "Served", make_key: "MakeKey") -> None:
    for (method, path), scope in NEEDED.items():
        others = [name for name in SCOPES if name not in (scope, "admin")]
        address = path.format(device_id="none", **IDS)
        refused = await (await served.client(await make_key(*others))).request(method, address, json={})
        allowed = await (await served.client(await make_key(scope))).request(method, address, json={})

        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), (method, path)
        assert scope in refused.json()["detail"]
        assert allowed.status_code in (200, 404, 422), (method, path)


async def test_a_revoked_key_ends_once_it_is_no_longer_remembered(
    serve: "Serve", make_key: "MakeKey", store: asyncpg.Connection, eventually: "Eventually"
) -> None:
    served = await serve(key_cache_s=0.3)
    client = await served.client(await make_key("read:positions"))

    async def status() -> int:
        return (await client.get("/v1/devices")).status_code

    assert await status() == 200
    await store.execute("UPDATE fleet.api_keys SET revoked_at = now()")
    assert await eventually(status, lambda found: found != 200) == 401
