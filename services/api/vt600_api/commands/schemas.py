"""Commands as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CommandState = Literal[
    "queued", "dispatched", "written", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown"
]


class NewCommand(BaseModel):
    """What a device shall do. `queue: never` means now or not at all. The type `raw` takes the bytes of a frame as `hex`, and is then
    the command that it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"type": "set_output", "args": {"output": 2, "on": True}}]}
    )

    type: Annotated[str, Field(max_length=50)]
    args: dict[str, Any] = {}
    deadline_s: Annotated[float | None, Field(gt=0)] = None
    queue: Literal["until_deadline", "never"] = "until_deadline"
    override_reason: Annotated[
        str | None,
        Field(min_length=3, max_length=500, description="Why the engine is to be cut whatever its speed; it is kept."),
    ] = None


class NewStep(BaseModel):
    """One command of a sequence. Its deadline counts from the request, like that of any command."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(max_length=50)]
    args: dict[str, Any] = {}
    deadline_s: Annotated[float | None, Field(gt=0)] = None
    override_reason: Annotated[
        str | None,
        Field(min_length=3, max_length=500, description="Why the engine is to be cut whatever its speed; it is kept."),
    ] = None


class NewSequence(BaseModel):
    """Commands that a device shall carry out one after the other. The first that does not end acknowledged ends the sequence."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"commands": [{"type": "set_interval", "args": {"interval_s": 60}}, {"type": "request_position"}]}
            ]
        },
    )

    commands: Annotated[list[NewStep], Field(min_length=1, max_length=50)]


class CommandView(BaseModel):
    """A command as it stands. `written_hex` are the bytes that left, `reply_hex` the bytes that came back.

    `sequence_id` and `step` (from 0) are those of a command that is part of a sequence.
    """

    command_id: str
    revision: int
    device_id: str
    type: str
    args: dict[str, Any]
    state: CommandState
    at: datetime
    requested_at: datetime
    requested_by: str
    deadline_at: datetime
    attempt: int
    reason: str | None
    listener_id: str | None
    session_id: str | None
    written_hex: str | None
    reply_hex: str | None
    reply_text: str | None
    sequence_id: str | None
    step: int | None


class TransitionView(BaseModel):
    """One change of state: what caused it (`request`, `dispatch`, `listener`, `device`, `clock` or `sequence`), and the bytes that
    left or came with it."""

    revision: int
    state: CommandState
    at: datetime
    attempt: int
    reason: str | None
    listener_id: str | None
    session_id: str | None
    cause: str | None
    written_hex: str | None
    reply_hex: str | None


class CommandHistory(CommandView):
    """A command with every change of its state."""

    transitions: list[TransitionView]


class CommandPage(BaseModel):
    """Commands, the newest first."""

    items: list[CommandView]
    next_cursor: str | None


class SequenceView(BaseModel):
    """A sequence as it stands: `acknowledged` when all of its commands are, `stopped` when one ended otherwise."""

    sequence_id: str
    device_id: str
    state: Literal["running", "acknowledged", "stopped"]
    requested_at: datetime
    requested_by: str
    commands: list[CommandView]


class SequencePage(BaseModel):
    """Sequences, the newest first."""

    items: list[SequenceView]
    next_cursor: str | None


class CommandTypeView(BaseModel):
    """A kind of command. A dialect that is not in `codes` cannot say it; an `actuating` one is written at most once."""

    name: str
    text: str
    command_class: Literal["query", "setting", "actuating"]
    codes: dict[Literal["binary", "ascii"], list[str]]
    args_schema: dict[str, Any]


class CommandTypes(BaseModel):
    """All kinds of commands."""

    items: list[CommandTypeView]
