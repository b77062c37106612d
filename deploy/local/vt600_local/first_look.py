"""The API as its first user meets it: a key, the first position, and what to try next."""

import asyncio
import http.client
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from vt600_local.server import StackError
from vt600_local.supervisor import run_once

_POLL_S = 0.1
_PATH = "/v1/positions/latest"
_PATIENCE_S = 60.0


class FirstLook:
    """Asks the API with a key that is made once and kept for the owner alone."""

    def __init__(self, *, api_port: int, key_file: Path) -> None:
        self._api_port = api_port
        self._key_file = key_file
        self.key = ""

    async def have_key(self, environment: dict[str, str], log: Path) -> None:
        """Take the key that is kept, or make one when there is none or the database does not know it."""
        if self._key_file.exists():
            self.key = self._key_file.read_text().strip()
            status, _ = await asyncio.to_thread(self._ask)
            if status == http.client.OK:
                return
        command = [sys.executable, "-m", "vt600_api.keys", "create", "--name", "make run"]
        self.key = (await run_once("making the API key", command, environment, log)).strip()
        descriptor = os.open(self._key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.key + "\n")

    async def position_since(self, moment: datetime) -> str:
        """The device whose report, received after the moment, can be read first."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    _, body = await asyncio.to_thread(self._ask)
                    new = [item for item in _items(body) if datetime.fromisoformat(item["received_at"]) >= moment]
                    if new:
                        return max(new, key=lambda item: item["received_at"])["device_id"]
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise StackError(
                f"no position could be read within {_PATIENCE_S:g} s: see the logs of listener and ingest"
            ) from None

    def _ask(self) -> tuple[int, bytes]:
        """Status and body of the newest positions; status 0 when the API does not answer."""
        link = http.client.HTTPConnection("127.0.0.1", self._api_port, timeout=5)
        try:
            link.request("GET", _PATH, headers={"Authorization": f"Bearer {self.key}"})
            answer = link.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            link.close()


def _items(body: bytes) -> list[dict[str, str]]:
    try:
        return list(json.loads(body)["items"])
    except (ValueError, KeyError, TypeError):
        return []


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def things_to_try(*, api_port: int, key: str, device_id: str, python: str) -> str:
    """Three commands to copy."""
    base = f"http://localhost:{api_port}/v1"
    return f"""\
Three things to try:

  export KEY={key}

  # the newest position of every tracker
  curl -s -H "Authorization: Bearer $KEY" {base}/positions/latest | python3 -m json.tool | head -45

  # live positions, alarms and command states
  {python} -m websockets "ws://localhost:{api_port}/v1/stream?api_key=$KEY"

  # switch output 2 of a tracker on, and see what became of it
  curl -s -X POST -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
       -d '{{"type": "set_output", "args": {{"output": 2, "on": true}}}}' {base}/devices/{device_id}/commands
  curl -s -H "Authorization: Bearer $KEY" {base}/devices/{device_id}/commands | python3 -m json.tool
"""
