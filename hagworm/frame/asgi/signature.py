"""The response header `server`, on servers that have no setting for its value."""

from hagworm.frame.asgi.protocol import AsgiApp, Message, Receive, Scope, Send

__all__ = ("Signed", "sign")


def sign(app: AsgiApp, name: str) -> AsgiApp:
    """Return `app` with `server: name` on its responses, or as it is where the name is empty."""
    return Signed(app, name) if name else app


class Signed:
    """An application that says who serves it."""

    __slots__ = ("app", "header")

    def __init__(self, app: AsgiApp, name: str) -> None:
        self.app = app
        self.header = (b"server", name.encode("latin-1"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI 3."""

        async def send_signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], self.header]}

            await send(message)

        await self.app(scope, receive, send_signed)
