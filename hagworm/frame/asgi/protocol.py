"""The shapes of ASGI 3, for type checkers and for people."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ("AsgiApp", "Message", "Receive", "Scope", "Send")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
