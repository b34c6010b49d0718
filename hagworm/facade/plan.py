"""What is known of a route once the application is frozen: the one source of binding and documentation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hagworm.facade.params import Marker

__all__ = ("Parameter", "RoutePlan")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that a handler or one of its dependencies takes from the request."""

    source: str
    """`path`, `query`, `header`, `cookie`, `form`, `file` or `body`."""
    name: str
    alias: str
    """The name on the wire."""
    annotation: Any
    required: bool
    default: Any
    marker: Marker
    expand: bool = False
    """The annotation is a model, and the parameters on the wire are its fields."""
    many: bool = False
    """Every value of the name is collected into a sequence."""


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route."""

    methods: tuple[str, ...]
    template: str
    """As declared, prefix included: `/orders/{order_id:int}`."""
    path: str
    """Without converters: `/orders/{order_id}`."""
    name: str
    endpoint: Callable[..., Any]
    location: str
    """`file.py:12`, where the handler stands."""
    parameters: tuple[Parameter, ...] = ()
    """Of the handler and of its dependencies, each once; the body's are in `body`."""
    body: tuple[Parameter, ...] = ()
    embed: bool = False
    """The body is an object whose members are the parameters of `body`."""
    returns: Any = None
    """The return annotation, `inspect.Signature.empty` where there is none."""
    response_class: type | None = None
    status: int = 200
    tags: tuple[str, ...] = ()
    summary: str | None = None
    description: str | None = None
    deprecated: bool = False
    include_in_schema: bool = True
    responses: Mapping[int, Any] = field(default_factory=dict)
    operation_id: str | None = None
    websocket: bool = False
