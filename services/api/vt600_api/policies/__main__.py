"""`python -m vt600_api.policies apply|enforce`: how long the store keeps what (settings `STORE_…`). Both may be repeated.

`apply` sets TimescaleDB's compression and retention. `enforce` forgets pending devices that fell silent, and deletes what is too old
where the server does not do it by itself; run it daily.
"""

import argparse
import asyncio
import sys

import asyncpg
from pydantic import ValidationError

from vt600_api.policies import store
from vt600_api.policies.settings import PolicySettings

PROGRAM = "vt600-policies"


def main() -> int:
    """Exit code 0 when done, 1 or 2 with one sentence."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("apply", "enforce"))
    arguments = parser.parse_args()
    try:
        settings = PolicySettings()
    except ValidationError as error:
        first = error.errors()[0]
        print(f"{PROGRAM}: STORE_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}", file=sys.stderr)
        return 2
    try:
        lines = asyncio.run(_run(arguments.action, settings))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        print(f"{PROGRAM}: the database: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines) or "nothing to do: the server keeps the policies by itself")
    return 0


async def _run(action: str, settings: PolicySettings) -> list[str]:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        return await (store.apply if action == "apply" else store.enforce)(connection, settings)
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
