"""JSON answers by orjson, straight from rows: times in UTC with Z, bytes as hex."""

from typing import Any

import orjson
from fastapi import Response


def _default(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_response(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401
    """The content as JSON. Routes declare its shape by `response_model`; the tests hold the two together."""
    body = orjson.dumps(content, default=_default, option=orjson.OPT_UTC_Z)
    return Response(body, status_code=status, headers=headers, media_type="application/json")
