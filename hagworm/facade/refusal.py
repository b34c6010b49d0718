"""What is answered on a path, or to a method on it, that no route serves."""

from hagworm.facade.failing import answer_error, answer_known
from hagworm.facade.failure import HTTPError, MethodNotAllowed, NotFound
from hagworm.facade.locating import read_path
from hagworm.facade.pipeline import compose
from hagworm.facade.proxies import Stamped
from hagworm.facade.request import Request
from hagworm.facade.response import Redirect, Rendered, Response
from hagworm.facade.target import read_target, strip_origin

__all__ = ("unmatched",)


async def unmatched(request: Request) -> Response | int:
    """Return the response, or the status of one that a mount or the native application has sent."""
    runtime = request.runtime
    method, path = request.method, request.path
    segments = read_path(request).segments
    tree = runtime.assembly.http

    allowed = tree.allowed(path, segments)

    if method == "HEAD" and "GET" in allowed:
        found = tree.find("GET", path, segments)
        assert found is not None
        entry, request.values = found
        request.plan, request.names, request.limits = entry.plan, entry.names, entry.limits
        return await entry.endpoint(request)

    if not allowed and (mount := runtime.mount_at(path)) is not None:
        stamped = Stamped(request.exchange, mount.stamp(request.id_bytes))
        await mount.http(stamped, request.id_bytes)
        return stamped.status or 499

    async def refuse(request: Request) -> Response:
        try:
            return refusal(request, path, segments, allowed)
        except HTTPError as exc:
            return await answer_known(request, exc, (runtime.app.exception_handlers,))

    if not allowed and request.exchange.has_native and not is_ours(request, path, segments):
        status: int = await request.exchange.pass_on([(b"x-request-id", request.id_bytes)])
        return status

    # What the facade answers itself passes through the middleware of the application: a browser that asks before
    # it sends (CORS), or is told 404, must see the same headers as elsewhere.
    return await compose(runtime.app.middlewares, refuse)(request)


def is_ours(request: Request, path: str, segments: list[str] | None) -> bool:
    """Whether the facade has something to say of a path that no route and no mount answers."""
    return bool(
        path == "*" or request.runtime.assembly.sockets.allowed(path, segments) or slash_twin(request, path) is not None
    )


def refusal(request: Request, path: str, segments: list[str] | None, allowed: set[str]) -> Response:
    """Return, or raise, what is answered where no route answers the method on the path."""
    assembly = request.runtime.assembly

    if path == "*" and request.method == "OPTIONS":
        return allow_response({method for plan in assembly.plans for method in plan.methods if not plan.websocket})

    if allowed:
        return other_method(request, allowed)

    if assembly.sockets.allowed(path, segments):
        response = answer_error(request, HTTPError(426, "this is a WebSocket"))
        # RFC 9110 15.5.22. A handler may not set it, as it belongs to the connection.
        response.raw_headers.append((b"upgrade", b"websocket"))
        return response

    if (twin := slash_twin(request, path)) is not None:
        return twin

    raise NotFound(f"there is nothing at {path}")


def other_method(request: Request, allowed: set[str]) -> Response:
    allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())

    if request.method == "OPTIONS":
        return allow_response(allowed)

    known = {method for plan in request.runtime.assembly.plans for method in plan.methods} | {
        "HEAD",
        "OPTIONS",
        "TRACE",
    }

    if request.method not in known and request.method not in ("PUT", "PATCH", "DELETE", "POST", "CONNECT"):
        raise HTTPError(501, f"the method {request.method} is not known here")

    raise MethodNotAllowed(allowed, f"{request.method} is not allowed on {request.path}")


def slash_twin(request: Request, path: str) -> Response | None:
    """With `trailing_slash="redirect"`: the way to the same path with or without its last slash."""
    if request.runtime.app.trailing_slash != "redirect" or path in ("/", "*"):
        return None

    # As it was sent: what is escaped there would mean something else if it were not.
    raw: bytes = request.exchange.path
    raw = raw if raw.startswith(b"/") else strip_origin(raw)[0]
    raw = raw[:-1] if raw.endswith(b"/") else raw + b"/"
    target, twin = read_target(raw), raw.decode("ascii")

    # A path that begins with two slashes would be taken for a host.
    if twin.startswith("//") or not request.runtime.assembly.http.allowed(target.text, target.segments):
        return None

    query = request.exchange.query.decode("ascii")
    return Redirect(f"{request.base_path}{twin}{'?' if query else ''}{query}", 308)


def allow_response(methods: set[str]) -> Response:
    methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return Rendered(b"", 204, [(b"allow", ", ".join(sorted(methods)).encode("ascii"))])
