"""Where traces of commands begin: with the caller's own trace when its request has one (header `traceparent`, W3C)."""

from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vt600_runtime.tracing import Fact, Step, Tracer

_callers: ContextVar[str | None] = ContextVar("callers_trace", default=None)


class CallersTrace:
    """Notes the caller's trace for what its request begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            _callers.set(Headers(scope=scope).get("traceparent"))
        await self._app(scope, receive, send)


def begin(tracer: Tracer, name: str, **facts: Fact) -> Step | None:
    """A span that follows the caller's, or the first one of a trace."""
    callers = _callers.get()
    return tracer.begin(name, **facts) if callers is None else tracer.follow(name, callers, **facts)
