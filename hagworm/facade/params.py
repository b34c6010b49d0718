"""Where a handler's argument comes from: the markers that stand inside `Annotated[...]`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = ("SCOPES", "UNSET", "Body", "Cookie", "Depends", "File", "Form", "Header", "Marker", "Path", "Query")

SCOPES = ("app", "connection", "request", "call")


class Unset:
    """No value was given: None may be one."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Any = Unset()


@dataclass(frozen=True, slots=True)
class Marker:
    """What all sources have in common; constraints are pydantic's.

    `alias` is the name on the wire where it is not the argument's own.
    """

    source: ClassVar[str] = ""

    alias: str | None = None
    default: Any = UNSET
    default_factory: Callable[[], Any] | None = None
    title: str | None = None
    description: str | None = None
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    strict: bool | None = None
    examples: Sequence[Any] | None = None
    deprecated: bool = False
    include_in_schema: bool = True

    CONSTRAINTS: ClassVar[tuple[str, ...]] = (
        "gt",
        "ge",
        "lt",
        "le",
        "multiple_of",
        "min_length",
        "max_length",
        "pattern",
        "strict",
    )

    def constraints(self) -> dict[str, Any]:
        """Those that are set, by pydantic's names."""
        return {name: value for name in self.CONSTRAINTS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Path(Marker):
    """A segment of the path; inferred for names that stand in the route's template."""

    source: ClassVar[str] = "path"


@dataclass(frozen=True, slots=True)
class Query(Marker):
    """A query parameter; inferred for simple types. A list collects every value of the name."""

    source: ClassVar[str] = "query"


@dataclass(frozen=True, slots=True)
class Header(Marker):
    """A header field; without an alias the argument's name with `-` for `_`."""

    source: ClassVar[str] = "header"

    convert_underscores: bool = True


@dataclass(frozen=True, slots=True)
class Cookie(Marker):
    """A cookie."""

    source: ClassVar[str] = "cookie"


@dataclass(frozen=True, slots=True)
class Body(Marker):
    """The JSON body, or one member of it where several are declared or `embed` is set; `bytes` takes it as sent."""

    source: ClassVar[str] = "body"

    embed: bool = False
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Form(Marker):
    """A field of a form, urlencoded or multipart."""

    source: ClassVar[str] = "form"


@dataclass(frozen=True, slots=True)
class File(Marker):
    """An uploaded file of a multipart form: `UploadFile`, or `bytes` for its content."""

    source: ClassVar[str] = "file"


@dataclass(frozen=True, slots=True)
class Depends:
    """What `dependency` returns or yields; without one, the annotated class itself is called.

    `scope` says how long it lives: `app` (made at start, shared by all), `connection` (a WebSocket as a whole),
    `request` (until the last byte of the response), `call` (until the handler has returned). With `cache` it is made
    once per request however many ask for it.
    """

    dependency: Callable[..., Any] | None = None
    scope: str = "request"
    cache: bool = True

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(f"Depends: unknown scope {self.scope!r}; one of {', '.join(SCOPES)}")
