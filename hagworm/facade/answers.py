"""What the client is told of a failure: a problem document, FastAPI's shapes, or a page for a browser."""

import html
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hagworm.facade.encoding import to_json
from hagworm.facade.failure import HTTPError, ValidationFailed, phrase
from hagworm.facade.response import Rendered, Response

if TYPE_CHECKING:
    from hagworm.facade.connection import Connection

__all__ = ("ANSWERS", "answer")

LOOPBACK = ("127.0.0.1", "::1")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} {phrase}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:46rem;padding:0 1rem;color:#222}}
h1{{font-weight:600;font-size:1.5rem}}pre{{background:#f5f5f5;padding:1rem;overflow:auto;font-size:13px}}
small{{color:#666}}</style></head>
<body><h1>{status} {phrase}</h1><p>{detail}</p>{more}<p><small>Request {id}</small></p></body></html>
"""


def answer(request: "Connection", error: HTTPError) -> Response:
    """Return the response that tells `error`, in the form that the application and the client agree on."""
    response = ANSWERS[request.runtime.app.compat or "problem"](request, error)

    for name, value in error.headers.items():
        response.headers[name] = value

    response.close = getattr(error, "close", False)
    return response


def problem(request: "Connection", error: HTTPError) -> Response:
    from hagworm.facade.negotiation import prefers_html

    if prefers_html(request.index.get(b"accept")):
        return page(request, error)

    document: dict[str, Any] = {
        "type": error.type,
        "title": phrase(error.status),
        "status": error.status,
        "detail": error.detail or phrase(error.status),
    }

    if isinstance(error, ValidationFailed):
        document["errors"] = problems(request, error)

    document.update(error.extra)
    document["request_id"] = request.id

    if (trace := trace_of(request, error)) is not None:
        document["traceback"] = trace

    return Rendered(to_json(document), error.status, [(b"content-type", b"application/problem+json")])


def fastapi(request: "Connection", error: HTTPError) -> Response:
    if isinstance(error, ValidationFailed):
        detail: Any = [
            {"type": found["type"], "loc": found["loc"], "msg": found["msg"]} for found in problems(request, error)
        ]
    else:
        detail = error.detail or phrase(error.status)

    return Rendered(to_json({"detail": detail, **error.extra}), error.status, [(b"content-type", b"application/json")])


def page(request: "Connection", error: HTTPError) -> Response:
    more = ""

    if isinstance(error, ValidationFailed):
        rows = "".join(
            f"<li><b>{html.escape('.'.join(map(str, p.loc)))}</b>: {html.escape(p.msg)}</li>" for p in error.problems
        )
        more = f"<ul>{rows}</ul>"

    if (trace := trace_of(request, error)) is not None:
        more += f"<pre>{html.escape(''.join(trace))}</pre>"

    text = PAGE.format(
        status=error.status,
        phrase=html.escape(phrase(error.status)),
        detail=html.escape(error.detail or phrase(error.status)),
        more=more,
        id=html.escape(request.id),
    )
    return Rendered(text.encode(), error.status, [(b"content-type", b"text/html; charset=utf-8")])


def problems(request: "Connection", error: ValidationFailed) -> list[dict[str, Any]]:
    return [{"loc": list(found.loc), "msg": found.msg, "type": found.type} for found in error.problems]


def trace_of(request: "Connection", error: HTTPError) -> list[str] | None:
    """The traceback of an unforeseen error: in debug mode, and to this machine only."""
    cause = error.__cause__

    if error.status != 500 or cause is None or not request.runtime.debug or request.client not in LOOPBACK:
        return None

    return traceback.format_exception(cause)


ANSWERS: dict[str, Callable[["Connection", HTTPError], Response]] = {"problem": problem, "fastapi": fastapi}
