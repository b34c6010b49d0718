"""Which route answers a path: a tree of segments, pure, built once."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

__all__ = ("CONVERTERS", "Converter", "Leaf", "RouteTree", "Template", "parse_template")

T = TypeVar("T")

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?::[A-Za-z_]+)?\Z")
INTEGER = re.compile(r"-?[0-9]{1,4000}\Z")
NUMBER = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?\Z")
UUID_TEXT = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")


def read_int(text: str) -> int | None:
    return int(text) if INTEGER.match(text) else None


def read_float(text: str) -> float | None:
    return float(text) if NUMBER.match(text) else None


def read_uuid(text: str) -> UUID | None:
    return UUID(text) if UUID_TEXT.match(text) else None


def read_str(text: str) -> str | None:
    # Control characters in a segment are never meant; `%0A` must not slip through a converter.
    return text if text and text.isprintable() else None


@dataclass(frozen=True, slots=True)
class Converter:
    """How one placeholder reads a segment; None means that the segment does not match."""

    name: str
    type: type
    read: Callable[[str], Any]


# The order is the precedence: what says more wins over what says less.
CONVERTERS = {
    "int": Converter("int", int, read_int),
    "float": Converter("float", float, read_float),
    "uuid": Converter("uuid", UUID, read_uuid),
    "str": Converter("str", str, read_str),
    "path": Converter("path", str, str),
}
PRECEDENCE = {name: place for place, name in enumerate(CONVERTERS)}


@dataclass(frozen=True, slots=True)
class Template:
    """A path template, parsed."""

    text: str
    segments: tuple[str | Converter, ...]
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """The template without converters, as OpenAPI writes it."""
        names = iter(self.names)
        return "/".join(part if isinstance(part, str) else f"{{{next(names)}}}" for part in self.segments)

    def converter(self, name: str) -> Converter:
        """The converter of the placeholder called `name`."""
        kinds = [part for part in self.segments if isinstance(part, Converter)]
        return kinds[self.names.index(name)]


def parse_template(text: str) -> Template:
    """Parse `/orders/{order_id:int}/files/{rest:path}`. Raises ValueError saying what is wrong with it."""
    if not text.startswith("/"):
        raise ValueError(f"path {text!r} must begin with a slash")

    segments: list[str | Converter] = []
    names: list[str] = []
    pieces = text.split("/")

    for place, piece in enumerate(pieces):
        found = PLACEHOLDER.fullmatch(piece)

        if found is None:
            if "{" in piece or "}" in piece:
                raise ValueError(f"path {text!r}: a placeholder must fill its whole segment, {piece!r} does not")

            segments.append(piece)
            continue

        if not NAME.match(found[1]):
            raise ValueError(f"path {text!r}: {found[0]} is not a placeholder like {{name}} or {{name:int}}")

        name, _, kind = found[1].partition(":")

        if (converter := CONVERTERS.get(kind or "str")) is None:
            raise ValueError(f"path {text!r}: unknown converter {kind!r}; one of {', '.join(CONVERTERS)}")

        if name in names:
            raise ValueError(f"path {text!r}: the name {name!r} stands twice")

        if converter.name == "path" and place != len(pieces) - 1:
            raise ValueError(f"path {text!r}: {found[0]} takes the rest of the path, so it must stand last")

        names.append(name)
        segments.append(converter)

    return Template(text, tuple(segments), tuple(names))


@dataclass(slots=True)
class Leaf(Generic[T]):
    """The end of a path: what answers each method there."""

    methods: dict[str, T] = field(default_factory=dict)


@dataclass(slots=True)
class Node(Generic[T]):
    literals: dict[str, "Node[T]"] = field(default_factory=dict)
    placeholders: list[tuple[Converter, "Node[T]"]] = field(default_factory=list)
    rest: Leaf[T] | None = None
    """The leaf of a `path` converter that stands here."""
    leaf: Leaf[T] | None = None


class RouteTree(Generic[T]):
    """Templates in, leaves out. Matching costs one dictionary look-up per segment, however many routes there are."""

    def __init__(self) -> None:
        self.root: Node[T] = Node()
        self.literals: dict[str, Leaf[T]] = {}

    def add(self, template: Template, methods: Iterable[str], value: T) -> Sequence[str]:
        """Let `value` answer `methods` on `template`; return those that were taken already, and stay so."""
        leaf = self.leaf(template)
        taken = [method for method in methods if method in leaf.methods]
        leaf.methods.update({method: value for method in methods if method not in taken})
        return taken

    def leaf(self, template: Template) -> Leaf[T]:
        node = self.root

        for part in template.segments[1:]:
            if isinstance(part, str):
                node = node.literals.setdefault(part, Node())
            elif part.name == "path":
                node.rest = node.rest or Leaf()
                return node.rest
            else:
                node = self.branch(node, part)

        if node.leaf is None:
            node.leaf = Leaf()

            if not template.names:
                self.literals[template.text] = node.leaf

        return node.leaf

    def branch(self, node: Node[T], converter: Converter) -> Node[T]:
        for known, child in node.placeholders:
            if known is converter:
                return child

        child = Node[T]()
        node.placeholders.append((converter, child))
        node.placeholders.sort(key=lambda branch: PRECEDENCE[branch[0].name])
        return child

    def find(self, method: str, path: str, segments: list[str] | None = None) -> tuple[T, tuple[Any, ...]] | None:
        """Return what answers `method` on `path` and the values of its placeholders, or None.

        `segments` are the decoded segments where decoding made a difference; the first is the empty one before the
        leading slash.
        """
        if segments is None:
            # A literal route always wins, and a path without escapes is its own key.
            if (leaf := self.literals.get(path)) is not None and (value := leaf.methods.get(method)) is not None:
                return value, ()

            segments = path.split("/")

        return self.walk(self.root, segments, 1, method, ())

    def walk(
        self, node: Node[T], segments: list[str], place: int, method: str, values: tuple[Any, ...]
    ) -> tuple[T, tuple[Any, ...]] | None:
        if place == len(segments):
            if node.leaf is not None and (value := node.leaf.methods.get(method)) is not None:
                return value, values

            return None

        segment = segments[place]

        if (child := node.literals.get(segment)) is not None:
            if (found := self.walk(child, segments, place + 1, method, values)) is not None:
                return found

        for converter, child in node.placeholders:
            if (read := converter.read(segment)) is not None:
                if (found := self.walk(child, segments, place + 1, method, (*values, read))) is not None:
                    return found

        if node.rest is not None and (value := node.rest.methods.get(method)) is not None:
            return value, (*values, "/".join(segments[place:]))

        return None

    def allowed(self, path: str, segments: list[str] | None = None) -> set[str]:
        """Return every method that any route answers on `path`."""
        return {method for leaf in self.leaves(self.root, segments or path.split("/"), 1) for method in leaf.methods}

    def leaves(self, node: Node[T], segments: list[str], place: int) -> Iterator[Leaf[T]]:
        if place == len(segments):
            if node.leaf is not None:
                yield node.leaf

            return

        segment = segments[place]

        if (child := node.literals.get(segment)) is not None:
            yield from self.leaves(child, segments, place + 1)

        for converter, child in node.placeholders:
            if converter.read(segment) is not None:
                yield from self.leaves(child, segments, place + 1)

        if node.rest is not None:
            yield node.rest
