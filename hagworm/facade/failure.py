"""What can go wrong with one request, and the problem that the client is told (RFC 9457).

HTTPError                 any status
├── BadRequest            400
├── Unauthorized          401, with the challenge
├── Forbidden             403
├── NotFound              404
├── MethodNotAllowed      405, with Allow
├── RequestTimeout        408
├── Conflict              409
├── PayloadTooLarge       413
├── UnsupportedMediaType  415
├── ValidationFailed      422, with every problem of the request
└── ServiceUnavailable    503, with Retry-After
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

__all__ = (
    "BadRequest",
    "Conflict",
    "Forbidden",
    "HTTPError",
    "MethodNotAllowed",
    "NotFound",
    "PayloadTooLarge",
    "Problem",
    "RequestTimeout",
    "ServiceUnavailable",
    "Unauthorized",
    "UnsupportedMediaType",
    "ValidationFailed",
    "phrase",
)

PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    # RFC 9110 renamed these; Python keeps the older words before 3.13.
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def phrase(status: int) -> str:
    """Return the standard phrase of `status`, an empty string where there is none."""
    return PHRASES.get(status, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request."""

    loc: tuple[str | int, ...]
    """Where: the source (`path`, `query`, `header`, `cookie`, `body`, `form`), then the way to the value."""
    msg: str
    type: str
    """A stable code, pydantic's where pydantic found it."""
    input: Any = None
    """The value that was refused; told to the client in debug mode only, as it may be a secret."""


class HTTPError(Exception):
    """Raise it to answer with `status`; `detail` is for the client and must hold nothing internal.

    `type` is the URI of the kind of problem, `headers` go into the response as they are, `extra` becomes further
    members of the problem document.
    """

    close = False
    """Whether the connection ends with the answer, because the rest of the request is not read."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        type: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if not 100 <= status <= 599:
            raise ValueError(f"HTTPError: {status} is not an HTTP status")

        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.type = type
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def __str__(self) -> str:
        return f"{self.status} {self.detail or phrase(self.status)}".rstrip()


class BadRequest(HTTPError):
    """400: the request cannot be understood."""

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(400, detail, **options)


class Unauthorized(HTTPError):
    """401: `challenge` says how to authenticate (RFC 9110 11.6.1), for example `Bearer`."""

    def __init__(self, challenge: str, detail: str = "", **options: Any) -> None:
        super().__init__(401, detail, **options)
        self.headers["www-authenticate"] = challenge


class Forbidden(HTTPError):
    """403: understood, and refused."""

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(403, detail, **options)


class NotFound(HTTPError):
    """404: there is no such thing."""

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(404, detail, **options)


class MethodNotAllowed(HTTPError):
    """405: the path exists, the method on it does not; `allow` are the methods that do."""

    def __init__(self, allow: Iterable[str], detail: str = "", **options: Any) -> None:
        super().__init__(405, detail, **options)
        self.allow = tuple(sorted(allow))
        self.headers["allow"] = ", ".join(self.allow)


class Conflict(HTTPError):
    """409: the state of the resource forbids it."""

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(409, detail, **options)


class PayloadTooLarge(HTTPError):
    """413: more than `Limits` allow; the connection is closed, as the rest of the body is not read."""

    close = True

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(413, detail, **options)


class UnsupportedMediaType(HTTPError):
    """415: the content type or encoding of the body is not one that the handler takes."""

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(415, detail, **options)


class ValidationFailed(HTTPError):
    """422: what is wrong with the request, all of it."""

    def __init__(self, problems: Iterable[Problem], detail: str = "", *, status: int = 422, **options: Any) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(status, detail or f"{count} problem{'s' if count != 1 else ''} in the request", **options)


class RequestTimeout(HTTPError):
    """408: the client has fallen silent in the middle of its request; the connection is closed."""

    close = True

    def __init__(self, detail: str = "", **options: Any) -> None:
        super().__init__(408, detail, **options)


class ServiceUnavailable(HTTPError):
    """503: not now; `retry_after` is in seconds."""

    def __init__(self, detail: str = "", *, retry_after: int | None = None, **options: Any) -> None:
        super().__init__(503, detail, **options)

        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)
