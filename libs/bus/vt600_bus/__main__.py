"""`vt600-bus topics apply`: the topics as this version wants them; `asyncapi` and `schema` print their description."""

import argparse
import asyncio
import json
import sys

from aiokafka.errors import KafkaError

from vt600_bus.admin import TopicsError, apply_topics
from vt600_bus.outage import why_unreachable
from vt600_bus.schemas import asyncapi, record_schema
from vt600_bus.settings import KafkaSettings
from vt600_bus.topics import TOPICS


def main() -> int:
    """Exit code 0 when every topic is there and configured, else 1 with one sentence."""
    parser = argparse.ArgumentParser(prog="vt600-bus", description=__doc__)
    commands = parser.add_subparsers(required=True)
    topics = commands.add_parser("topics").add_subparsers(required=True)
    apply = topics.add_parser("apply", help="create and configure what is missing; repeatable")
    apply.add_argument("--replication", type=int, default=1, help="replication factor of new topics")
    commands.add_parser("asyncapi", help="print the AsyncAPI document").set_defaults(describe=asyncapi)
    commands.add_parser("schema", help="print the JSON Schema of the records").set_defaults(describe=record_schema)
    arguments = parser.parse_args()
    if "describe" in arguments:
        print(json.dumps(arguments.describe(), indent=1))
        return 0
    settings = KafkaSettings()
    try:
        created = asyncio.run(apply_topics(settings, replication=arguments.replication))
    except (KafkaError, OSError, TimeoutError, TopicsError) as error:
        reason = asyncio.run(why_unreachable(settings)) or str(error) or type(error).__name__
        print(f"vt600-bus: the topics could not be applied at {settings.bootstrap_servers}: {reason}", file=sys.stderr)
        return 1
    print(f"{len(TOPICS)} topics are there, {len(created)} of them new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
