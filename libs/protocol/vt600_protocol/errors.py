"""Why bytes were refused. Each class says whether the stream survives."""


class ProtocolError(Exception):
    """Bytes that are no message. `reason` is a stable word for counters, `raw` the bytes that were dropped."""

    reason = "protocol"
    closes_stream = False

    def __init__(self, message: str, *, raw: bytes = b"", dialect: str | None = None) -> None:
        super().__init__(message)
        self.raw = raw
        self.dialect = dialect


class ChecksumError(ProtocolError):
    """Right length and end, wrong CRC or sum: the frame is dropped, the stream goes on (SPEC §3.1, §5)."""

    reason = "checksum"


class FrameError(ProtocolError):
    """A header whose length, end or inner form is impossible; the stream goes on at the next header."""

    reason = "frame"


class ContentError(ProtocolError):
    """A whole frame with a right checksum whose identity or data cannot be read; the stream goes on."""

    reason = "content"


class RubbishError(ProtocolError):
    """Bytes between frames that are no frame. Closes the stream when there is more of it than the bound."""

    reason = "rubbish"

    def __init__(
        self, message: str, *, raw: bytes = b"", dialect: str | None = None, closes_stream: bool = False
    ) -> None:
        super().__init__(message, raw=raw, dialect=dialect)
        self.closes_stream = closes_stream


class LayoutError(ValueError):
    """Data of a command that is not laid out as the SPEC says. It never leaves the codec."""


class CommandError(ValueError):
    """A command that cannot be built: `argument` names what is wrong, the text says what is allowed."""

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument
