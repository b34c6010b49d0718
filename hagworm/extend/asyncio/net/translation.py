"""What aiohttp and the system say when a request fails, in the words of this house."""

from collections.abc import Callable
from functools import cache
from types import TracebackType

from hagworm.extend.error import (
    BodyDamaged,
    ConnectFailed,
    ConnectionLost,
    FrameError,
    HagwormError,
    PeerSilent,
    Untrusted,
    URLRefused,
)
from hagworm.extend.net.policy import hide_secrets

__all__ = ("Translated", "translate")

Make = Callable[[str, int, bool, Exception], HagwormError]


class Translated:
    """Turn the errors of aiohttp in the block into ours, which may be retried if `repeat`, or if nothing was sent."""

    __slots__ = ("repeat", "status", "url")

    def __init__(self, url: str, status: int, *, repeat: bool) -> None:
        self.url = url
        self.status = status
        self.repeat = repeat

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, HagwormError):
            from aiohttp import ClientError

            if isinstance(error, ClientError | TimeoutError):
                raise translate(error, self.url, self.status, repeat=self.repeat) from error


def translate(error: Exception, url: str, status: int, *, repeat: bool) -> HagwormError:
    """Return our error for one of aiohttp, as `Translated` does."""
    for kind, make in translations():
        if isinstance(error, kind):
            return make(hide_secrets(url), status, repeat, error)

    return ConnectionLost(f"{hide_secrets(url)}: {describe(error)}", retryable=repeat)


@cache
def translations() -> tuple[tuple[type[Exception], Make], ...]:
    """Return what becomes of which error; the first that fits is taken."""
    import aiohttp

    return (
        (aiohttp.ClientConnectorCertificateError, lambda url, _, __, error: Untrusted(f"{url}: {describe(error)}")),
        (aiohttp.ClientConnectorError, lambda url, _, __, error: ConnectFailed(f"{url}: {describe(error)}")),
        (aiohttp.ConnectionTimeoutError, lambda url, _, __, error: ConnectFailed(f"{url}: no connection in time")),
        (aiohttp.InvalidURL, lambda url, _, __, error: URLRefused(url, describe(error))),
        (aiohttp.NonHttpUrlClientError, lambda url, _, __, error: URLRefused(url, "it is not one of http or https")),
        (TimeoutError, lambda url, _, again, error: PeerSilent(f"{url}: nothing came for too long", retryable=again)),
        (aiohttp.ClientPayloadError, damaged),
        (aiohttp.ClientResponseError, lambda url, _, __, error: FrameError(f"{url}: no HTTP: {describe(error)}")),
    )


def damaged(url: str, status: int, again: bool, error: Exception) -> HagwormError:
    return BodyDamaged(url, status, f"its body is incomplete: {describe(error)}", retryable=again)


def describe(error: Exception) -> str:
    """Return what an error says, without the URL that aiohttp puts into some."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error) or type(error.os_error).__name__

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)

    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.split("\n")[0]

    if isinstance(error, aiohttp.InvalidURL):
        return error.description or "it is no URL"

    return str(error) or type(error).__name__
