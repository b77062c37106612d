"""A file on its way to a client, as fast as the client takes it."""

import asyncio
from collections.abc import AsyncIterable

import structlog
from fastapi.responses import StreamingResponse
from starlette.types import Send

from vt600_api.errors import DATABASE_ERRORS

log = structlog.get_logger()


class FileStream(StreamingResponse):
    """Sends a file part by part. When it breaks off, or nothing is taken for `stall_s`, the answer is left without its end.

    The server then cuts the connection, and the client's library says that the answer is not whole.
    """

    def __init__(self, parts: AsyncIterable[bytes], *, media_type: str, file_name: str, stall_s: float) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
        super().__init__(parts, media_type=media_type, headers=headers)
        self._parts = parts
        self._file_name = file_name
        self._stall_s = stall_s

    async def stream_response(self, send: Send) -> None:
        """The whole answer, or its beginning."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for part in self._parts:
                async with asyncio.timeout(self._stall_s):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        except DATABASE_ERRORS as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            log.warning("export.broken_off", file=self._file_name, error=reason)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
