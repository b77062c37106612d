"""The command line that gives out API keys and ends them."""

import os
import subprocess
import sys

import asyncpg
import pytest

from vt600_api.auth import key_hash

pytestmark = pytest.mark.servers


def keys(url: str | None, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines of the output, and the complaint."""
    environment = {name: value for name, value in os.environ.items() if name != "API_DATABASE_URL"}
    environment |= {} if url is None else {"API_DATABASE_URL": url}
    command = [sys.executable, "-m", "vt600_api.keys", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


async def test_a_key_is_shown_once_listed_and_revoked(store_url: str, store: asyncpg.Connection) -> None:
    code, (key,), _ = keys(
        store_url, "create", "--name", "the console", "--scope", "read:positions", "--scope", "read:raw"
    )
    row = await store.fetchrow("SELECT * FROM fleet.api_keys WHERE key_hash = $1", key_hash(key))
    assert row is not None
    number = str(row["api_key_id"])
    listed = keys(store_url, "list")[1]
    revoked, again = keys(store_url, "revoke", number), keys(store_url, "revoke", number)
    after = keys(store_url, "list")[1]

    assert code == 0
    assert row["scopes"] == ["read:positions", "read:raw"]
    assert any(line.split()[0] == number and "the console" in line and " valid " in line for line in listed)
    assert not any(key in line for line in listed)
    assert (revoked, again[0]) == ((0, [], ""), 1)
    assert "there is no valid key" in again[2]
    assert any(line.split()[0] == number and " revoked " in line for line in after)


async def test_a_key_may_do_everything_but_administer_and_override_unless_told(
    store_url: str, store: asyncpg.Connection
) -> None:
    _, (key,), _ = keys(store_url, "create", "--name", "n")
    scopes = await store.fetchval("SELECT scopes FROM fleet.api_keys WHERE key_hash = $1", key_hash(key))

    assert set(scopes) == {"read:positions", "read:raw", "write:devices", "send:commands", "send:commands:dangerous"}


def test_what_cannot_be_done_is_one_sentence(store_url: str) -> None:
    for url, arguments, code in (
        (None, ("list",), 2),
        ("postgresql://nobody:x@127.0.0.1:1/none", ("list",), 1),
        (store_url.rpartition("/")[0] + "/none", ("create", "--name", "n"), 1),
        (store_url, ("revoke", "99999999999999999999"), 1),
    ):
        found, shown, complaint = keys(url, *arguments)

        assert (found, shown) == (code, [])
        assert complaint.startswith("vt600-keys: ")
        assert complaint.count("\n") == 1, complaint


def test_a_scope_that_is_none_is_refused(store_url: str) -> None:
    code, _, complaint = keys(store_url, "create", "--name", "n", "--scope", "everything")

    assert code == 2
    assert "invalid choice" in complaint
