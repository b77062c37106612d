"""`python -m vt600_api.ingest dead-letters list|show|requeue`: records that ingest could not store, and another try for them."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from vt600_bus import KafkaSettings, LetterBox, StoredLetter

PROGRAM = "vt600-ingest dead-letters"


def main(words: Sequence[str]) -> int:
    """Exit code 0 when done, 1 or 2 with one sentence."""
    arguments = _parser().parse_args(words)
    try:
        settings = KafkaSettings()
        lines = asyncio.run(_run(arguments, settings))
    except ValidationError as error:
        print(f"{PROGRAM}: {error.errors()[0]['msg']}", file=sys.stderr)
        return 2
    except (KafkaError, OSError, TimeoutError) as error:
        print(f"{PROGRAM}: Kafka does not answer: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except LookupError as error:
        print(f"{PROGRAM}: {error.args[0]}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="one line for each")
    listing.add_argument("--topic", help="only what was on this topic")
    show = actions.add_parser("show", help="one, with its bytes")
    show.add_argument("number", type=int)
    requeue = actions.add_parser("requeue", help="publish records again, as they were")
    requeue.add_argument("numbers", type=int, nargs="*")
    requeue.add_argument("--all", action="store_true", help="every letter that is there")
    return parser


async def _run(arguments: argparse.Namespace, settings: KafkaSettings) -> list[str]:
    async with LetterBox.open(settings) as box:
        if arguments.action == "list":
            found = [_line(stored) async for stored in box.read() if arguments.topic in (None, stored.letter.topic)]
            return [*found, f"{len(found)} dead letters"]
        if arguments.action == "show":
            return _whole(await _find(box, arguments.number))
        return await _requeue(box, arguments)


async def _requeue(box: LetterBox, arguments: argparse.Namespace) -> list[str]:
    if arguments.all:
        letters = [stored async for stored in box.read()]
    else:
        letters = [await _find(box, number) for number in arguments.numbers]
    if not letters:
        raise LookupError("nothing to requeue: give numbers, or --all")
    whole = [stored for stored in letters if stored.whole]
    await box.requeue(whole)
    cut = [f"{stored.number} cannot be requeued: its bytes are not whole" for stored in letters if not stored.whole]
    return [*cut, f"{len(whole)} requeued; they stay in the list"]


async def _find(box: LetterBox, number: int) -> StoredLetter:
    stored = await box.find(number)
    if stored is None:
        raise LookupError(f"there is no dead letter {number}")
    return stored


def _line(stored: StoredLetter) -> str:
    letter = stored.letter
    place = f"{letter.topic}-{letter.partition}:{letter.offset}"
    return f"{stored.number:6} {letter.at:%Y-%m-%d %H:%M:%S} {place:40} {letter.error}"


def _whole(stored: StoredLetter) -> list[str]:
    letter = stored.letter
    value = b"" if letter.value is None else letter.value
    return [
        f"number    {stored.number}",
        f"at        {letter.at.isoformat()}",
        f"consumer  {letter.consumer}",
        f"from      {letter.topic}, partition {letter.partition}, offset {letter.offset}",
        f"error     {letter.error}",
        f"key       {(letter.key or b'').decode(errors='backslashreplace')}",
        f"value     {value.decode(errors='backslashreplace')}",
    ]
