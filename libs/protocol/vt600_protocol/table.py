"""A dialect's table of commands: code ↔ command, and the reply that answers it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vt600_protocol.commands.base import Command, arguments_of, defaults_of
from vt600_protocol.errors import CommandError, LayoutError
from vt600_protocol.layouts import Layout, Nothing
from vt600_protocol.messages import Dialect
from vt600_protocol.replies import ReplyForm


@dataclass(frozen=True, slots=True)
class Row:
    """One code and the command that it says.

    `layout` tells how arguments lie in the data; those in `where` are what the code itself says. `reply` is the form of the
    answer, None for the dialect's yes or no. `answered_by` is the code of the answer where it is another one, or, without `reply`,
    where it is a message of a kind of its own.
    """

    code: str
    command: type[Command]
    layout: Layout = field(default_factory=Nothing)
    where: Mapping[str, object] = field(default_factory=dict)
    reply: ReplyForm | None = None
    answered_by: str | None = None


class Table:
    """The commands of one dialect, in the order of the SPEC. `plain` is the form of its replies of yes or no."""

    def __init__(self, dialect: Dialect, plain: ReplyForm, rows: Iterable[Row]) -> None:
        self.dialect = dialect
        self._plain = plain
        self.rows = tuple(rows)
        self._by_command: dict[type[Command], list[Row]] = {}
        self._by_code: dict[str, list[Row]] = {}
        for row in self.rows:
            self._by_command.setdefault(row.command, []).append(row)
            self._by_code.setdefault(row.code, []).append(row)
        self.replies = {
            row.answered_by or row.code: (row.code, row.reply or plain)
            for row in self.rows
            if row.reply is not None or row.answered_by is None
        }
        """Code of a reply → code of the command that it answers, and how it is read."""

    def reply_to(self, code: str, *, with_values: bool) -> tuple[str, ReplyForm]:
        """Code and form of the reply to a command's code. Any command may be answered with yes or no."""
        found = ((reply_code, form) for reply_code, (of, form) in self.replies.items() if of == code)
        reply_code, form = next(found, (code, self._plain))
        if with_values or not form.carries_values:
            return reply_code, form
        return reply_code, form.without_values or self._plain

    def rows_of(self, owner: type[Command]) -> Sequence[Row]:
        """The codes that say a command; none when the dialect cannot."""
        return self._by_command.get(owner, ())

    def encode(self, command: Command) -> tuple[Row, bytes]:
        """Row and data of the command; CommandError when this dialect cannot say it."""
        rows = self.rows_of(type(command))
        if not rows:
            raise CommandError(f"the {self.dialect} dialect has no such command", argument="type")
        arguments = {name: getattr(command, name) for name in arguments_of(type(command))}
        for row in rows:
            if all(arguments[name] == value for name, value in row.where.items()):
                return row, row.layout.encode(row.command, arguments)
        name, allowed = _refused(rows, arguments)
        raise CommandError(f"{name} is {allowed} in the {self.dialect} dialect", argument=name)

    def decode(self, code: str, data: bytes) -> Command | None:
        """The command of a code and its data, None for one that is not in the table or laid out in another way."""
        for row in self._by_code.get(code, ()):
            try:
                return _make(row.command, {**row.layout.decode(row.command, data), **row.where})
            except (LayoutError, CommandError):
                continue
        return None


def _refused(rows: Sequence[Row], arguments: Mapping[str, object]) -> tuple[str, str]:
    """The argument for which no row fits, and what it would have to be."""
    allowed_of = {name: dict.fromkeys(row.where[name] for row in rows) for name in rows[0].where}
    name = next(name for name, allowed in allowed_of.items() if arguments[name] not in allowed)
    return name, " or ".join("nothing" if value is None else str(value) for value in allowed_of[name])


def _make(owner: type[Command], found: Mapping[str, Any]) -> Command:
    for name in arguments_of(owner):
        if name not in found and name not in defaults_of(owner):
            raise LayoutError(f"{name} is missing")
    return owner(**found)
