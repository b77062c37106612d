"""`python -m vt600_protocol`: explain and decode bytes of trackers, encode commands, write the SMS of a setup.

Exit code 0: all is good. 1: something is wrong with a frame. 2: the tool was asked wrongly.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from vt600_protocol.commands import build_command
from vt600_protocol.errors import CommandError
from vt600_protocol.server import encode_command
from vt600_protocol.tools.command_text import command_lines, list_lines, read_arguments
from vt600_protocol.tools.explain import explain
from vt600_protocol.tools.hex_input import InputError
from vt600_protocol.tools.json_lines import json_lines
from vt600_protocol.tools.setup_sms import Setup, setup_sms
from vt600_protocol.tools.sources import Source, sources_of_file, sources_of_hex
from vt600_protocol.tools.table import table

GOOD, BAD_FRAME, BAD_USAGE = 0, 1, 2

_DIALECTS = ("binary", "ascii")
# Arguments of commands and setups whose option has another name.
_OPTIONS = {"device_id": "--device", "packet_no": "--packet", "type": "NAME"}
_SETUP_OPTIONS = {"interval_s": "--interval", "heartbeat_min": "--heartbeat"}


class UsageError(Exception):
    """The tool was asked wrongly."""


class _Parser(argparse.ArgumentParser):
    """One sentence for what is wrong, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words ask for."""
    try:
        arguments = _parser().parse_args(words)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except (UsageError, InputError) as error:
        print(f"vt600_protocol: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="vt600_protocol", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tools = parser.add_subparsers(required=True, metavar="explain|decode|encode|setup")
    for name, run, text in (
        ("explain", _explain, "what each byte says, and what is wrong"),
        ("decode", _decode, "messages and errors as JSON, one line each"),
    ):
        tool = tools.add_parser(name, help=text, description=text)
        tool.set_defaults(run=run)
        tool.add_argument("--direction", choices=("up", "down"), help="from the device or to it; else the header tells")
        tool.add_argument(
            "input", nargs="+", metavar="HEX|FILE|-", help="hex; a file with lines of hex; a pcap; - for stdin"
        )
    _add_encode(tools.add_parser("encode", help="the frame of a command"))
    _add_setup(tools.add_parser("setup", help="the SMS that point a tracker at a server, in order"))
    return parser


def _add_encode(tool: argparse.ArgumentParser) -> None:
    tool.set_defaults(run=_encode)
    tool.add_argument("--list", action="store_true", help="list the commands and their arguments")
    tool.add_argument("--dialect", choices=_DIALECTS)
    tool.add_argument("--device", metavar="ID", help="identity as the device's frames carry it")
    tool.add_argument("--packet", default=":", metavar="NO", help="ASCII packet number, one character (default :)")
    tool.add_argument("name", nargs="?", metavar="NAME")
    tool.add_argument("args", nargs="*", metavar="argument=value")


def _add_setup(tool: argparse.ArgumentParser) -> None:
    tool.set_defaults(run=_setup)
    tool.add_argument("--dialect", choices=_DIALECTS, required=True)
    tool.add_argument("--host", required=True)
    tool.add_argument("--port", type=int, required=True)
    tool.add_argument("--mode", choices=("tcp", "udp"), default="tcp")
    tool.add_argument("--apn")
    tool.add_argument("--apn-user")
    tool.add_argument("--apn-password")
    tool.add_argument("--interval", type=int, metavar="S", help="seconds between reports")
    tool.add_argument("--heartbeat", type=int, metavar="MIN", help="minutes between heartbeats")
    tool.add_argument("--device-id", metavar="ID")
    tool.add_argument("--password", metavar="PW", help="of the tracker's SMS (default 000000 or 0000)")


def _explain(arguments: argparse.Namespace) -> int:
    code = GOOD
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for number, source in enumerate(_sources(arguments.input)):
        if source.name:
            print(f"{'' if number == 0 else chr(10)}== {source.name}")
        explanation = explain(source.data, arguments.direction)
        print(table(explanation, colour=colour))
        code = code if explanation.is_good else BAD_FRAME
    return code


def _decode(arguments: argparse.Namespace) -> int:
    code = GOOD
    for source in _sources(arguments.input):
        for line, is_message in json_lines(source, arguments.direction):
            print(line)
            code = code if is_message else BAD_FRAME
    return code


def _encode(arguments: argparse.Namespace) -> int:
    if arguments.list:
        print("\n".join(list_lines()))
        return GOOD
    missing = [
        option
        for option, value in (
            ("--dialect", arguments.dialect),
            ("--device", arguments.device),
            ("NAME", arguments.name),
        )
        if value is None
    ]
    if missing:
        raise UsageError(f"encode needs {', '.join(missing)}; encode --list lists the commands")
    try:
        command = build_command(arguments.name, read_arguments(arguments.args))
        encoded = encode_command(
            command, device_id=arguments.device, dialect=arguments.dialect, packet_no=arguments.packet
        )
    except CommandError as error:
        option = _OPTIONS.get(error.argument or "")
        raise UsageError(f"{option}: {error}" if option else str(error)) from error
    print("\n".join(command_lines(encoded, arguments.dialect)))
    return GOOD


def _setup(arguments: argparse.Namespace) -> int:
    setup = Setup(
        dialect=arguments.dialect,
        host=arguments.host,
        port=arguments.port,
        mode=arguments.mode,
        apn=arguments.apn,
        apn_user=arguments.apn_user,
        apn_password=arguments.apn_password,
        interval_s=arguments.interval,
        heartbeat_min=arguments.heartbeat,
        device_id=arguments.device_id,
        password=arguments.password,
    )
    try:
        texts = setup_sms(setup)
    except CommandError as error:
        name = error.argument or ""
        raise UsageError(f"{_SETUP_OPTIONS.get(name, '--' + name.replace('_', '-'))}: {error}") from error
    print("\n".join(texts))
    return GOOD


def _sources(inputs: Sequence[str]) -> list[Source]:
    """What the words name: standard input, a file, or hex in one or several words."""
    if list(inputs) == ["-"]:
        return sources_of_file(sys.stdin.buffer.read())
    if len(inputs) == 1 and _is_file(inputs[0]):
        try:
            return sources_of_file(Path(inputs[0]).read_bytes())
        except OSError as error:
            raise UsageError(f"the file {inputs[0]} cannot be read: {error.strerror}") from error
    try:
        return sources_of_hex(" ".join(inputs))
    except InputError as error:
        if error.code == "invalid_hex" and len(inputs) == 1:
            raise InputError(error.code, f"{error}, and no file is called so") from error
        raise


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except OSError:  # longer than a name can be
        return False


if __name__ == "__main__":
    sys.exit(main())
