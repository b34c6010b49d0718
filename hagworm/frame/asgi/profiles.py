"""What is known about the ASGI servers: who they are, what they tell, and what their parsers decide.

ASGI is a family: five servers make five things of the same bytes. What the facade cannot make equal is declared here by
row of the conformance matrix (`docs/reference/engines.md`), and the contract suite asserts it as declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hagworm.frame.asgi.outcomes import OUTCOMES
from hagworm.frame.asgi.protocol import Receive, Send

__all__ = ("PROFILES", "UNKNOWN", "Profile", "drop", "note_refusal", "profile_of")


@dataclass(frozen=True, slots=True)
class Profile:
    """One server."""

    name: str
    module: str
    """How the name of the module begins that its `receive` comes from."""
    trusts_1005: bool = False
    """Whether a disconnect with code 1005 and no reason means a close frame without a code, not a lost connection."""
    receives_alone: bool = False
    """Whether a close waits for a `receive` that is under way, which waits for the close."""
    hides_framing: bool = False
    """Whether a body that is broken looks like a client that went away, and still waits for an answer."""

    @property
    def outcomes(self) -> Mapping[str, str]:
        """What its parser decides, by row of the matrix."""
        return OUTCOMES[self.name]


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("uvicorn-httptools", "uvicorn.protocols.http.httptools"),
        Profile("uvicorn-h11", "uvicorn.protocols.http.h11"),
        Profile("granian", "granian", receives_alone=True, hides_framing=True),
        Profile("hypercorn", "asyncio.queues"),
        Profile("gunicorn", "gunicorn", trusts_1005=True),
    )
}
UNKNOWN = Profile("unknown", "")


def profile_of(receive: Receive) -> Profile:
    """Return the profile of the server that `receive` belongs to."""
    module = getattr(receive, "__module__", None) or type(getattr(receive, "__self__", receive)).__module__

    for profile in PROFILES.values():
        if module.startswith(profile.module):
            return profile

    return UNKNOWN


def note_refusal(send: Send) -> None:
    """Tell uvicorn that a handshake has been answered: one refused with a response it reports as forgotten."""
    protocol: Any = getattr(send, "__self__", None)

    if getattr(protocol, "initial_response", None) is not None and hasattr(protocol, "handshake_complete"):
        protocol.handshake_complete = True


def drop(receive: Receive) -> None:
    """Drop the connection below `receive` where the server gives a way to.

    ASGI has no verb for it. Every server drops a connection whose response its application leaves incomplete; uvicorn
    also writes an error record about it, unless it has seen the client leave before.
    """
    cycle: Any = getattr(receive, "__self__", None)

    if hasattr(cycle, "transport") and hasattr(cycle, "disconnected"):
        cycle.disconnected = True
        cycle.transport.abort()
