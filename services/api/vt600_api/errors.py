"""Every error leaves as an RFC 9457 problem document with a stable code."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc
from starlette.exceptions import HTTPException

log = structlog.get_logger()

_CODES = {
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}

_AWAY_STATES = ("08", "53", "57P")  # connections, resources, shutdown: classes of SQLSTATE

# What is raised when the database is away. SQLAlchemy opens connections by asyncpg, whose errors then come as they are.
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, exc.DBAPIError, exc.TimeoutError)


class ApiError(Exception):
    """A request that cannot be answered as asked. `code` is stable, `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str, *, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)


class ProblemResponse(Response):
    """`application/problem+json`."""

    media_type = "application/problem+json"


def problem(request: Request, error: ApiError) -> ProblemResponse:
    """The document of one error."""
    body: dict[str, Any] = {
        "type": f"urn:vt600:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "instance": request.url.path,
    }
    if error.errors:
        body["errors"] = error.errors
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    text = json.dumps(body, ensure_ascii=False).encode(errors="replace")  # what was sent may hold lone surrogates
    return ProblemResponse(text, status_code=error.status, headers=headers)


def is_database_away(error: Exception) -> bool:
    """Whether one of DATABASE_ERRORS tells of the server, and not of the statement that it was given."""
    if isinstance(error, exc.DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return error.connection_invalidated or state.startswith(_AWAY_STATES)
    return True


def is_cancelled_by_database(error: Exception) -> bool:
    """Whether the server ended the statement itself, most often because it took longer than it may."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == "57014"


def query_timeout() -> ApiError:
    """What a caller is told whose question is too expensive."""
    return ApiError(
        503, "query_timeout", "The answer takes longer than it may; ask for a shorter span or for fewer devices."
    )


def database_unavailable() -> ApiError:
    """What a caller is told while the database is away."""
    return ApiError(503, "database_unavailable", "The database does not answer; try again.")


def install_handlers(app: FastAPI) -> None:
    """One handler for each family of errors, all of them ending in `problem`."""

    async def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - registered for it
        return problem(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        found = [{"where": ".".join(map(str, entry["loc"])), "message": entry["msg"]} for entry in error.errors()]
        return problem(request, ApiError(422, "invalid_request", "The request is malformed.", errors=found))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = _CODES.get(error.status_code, "http_error")
        answer = problem(request, ApiError(error.status_code, code, str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("request.failed", path=request.url.path, **request.path_params, exc_info=error)
        return problem(request, ApiError(500, "internal_error", "Something went wrong on our side."))

    async def database_error(request: Request, error: Exception) -> Response:
        if is_cancelled_by_database(error):
            return problem(request, query_timeout())
        if not is_database_away(error):
            return await unexpected(request, error)
        log.warning("database.unreachable", error=str(error).splitlines()[0] if str(error) else type(error).__name__)
        return problem(request, database_unavailable())

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http_error)
    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, database_error)
    app.add_exception_handler(Exception, unexpected)
