"""What may be set: the tree of sections and settings behind the classes that declare them."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Union, get_args, get_origin

from hagworm.extend.config.convert import demand_supported, hints_of, is_model, split_annotated
from hagworm.extend.config.fault import ABSENT
from hagworm.extend.config.secret import is_secret_name, is_secret_type
from hagworm.extend.error import DefinitionError

__all__ = ("Leaf", "Path", "Schema", "Section", "is_pydantic")

Path = tuple[str, ...]

RESERVED = frozenset({"apply", "as_dict", "on_change", "override", "read_again", "reload", "sources"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting."""

    kind: Any
    default: Any = ABSENT
    secret: bool = False
    foreign: bool = False
    """Whether it belongs to a pydantic model, which converts and checks it itself."""


@dataclass(frozen=True, slots=True)
class Section:
    """Settings under one name; `kind` is the class that holds them."""

    kind: Any
    children: "dict[str, Leaf | Section]" = field(default_factory=dict)
    default: Any = ABSENT
    """Only where the section may be None: what stands in for it when nothing in it is set."""
    foreign: bool = False
    open: bool = False
    """Whether keys nobody declared are taken too."""


class Schema:
    """The settings hagworm reads (`frame`) with those of a business beside them.

    A business may declare a section of the frame again, with the same class or one derived from it, to change its
    defaults. Classes `beside` it belong to others who read the same places: their sections are not
    ours, and no mistake. Raises `DefinitionError` for a declaration that cannot work.
    """

    def __init__(self, business: type | None, frame: type, beside: Iterable[type] = ()) -> None:
        self.beside = tuple(beside)
        self.frame = section_of(frame)
        self.business = None if business is None else section_of(business)

        if self.business is not None:
            shared = {
                name: agree(name, self.frame.children[name], child, business)
                for name, child in self.business.children.items()
                if name in self.frame.children
            }
            self.frame = replace(self.frame, children={**self.frame.children, **shared})

            for name in self.business.children:
                if name in RESERVED or name.startswith("_"):
                    raise DefinitionError(f"{title(business)}.{name}: a section cannot have this name")

        more = {} if self.business is None else self.business.children
        self.root = Section(kind=None, children={**self.frame.children, **more})
        ours = {name.lower() for name in self.root.children}
        self.elsewhere = {name.lower() for kind in self.beside for name in section_of(kind).children} - ours
        """Top-level names, in lower case, that only classes beside ours know."""

    def find(self, path: Path) -> Leaf | Section | None:
        """Return what stands at `path`, None where nothing does."""
        node: Leaf | Section | None = self.root

        for part in path:
            if not isinstance(node, Section):
                return None

            node = node.children.get(part)

            if node is None:
                return None

        return node

    def leaves(self) -> Iterator[tuple[Path, Leaf]]:
        """Every setting, in the order of declaration."""
        return walk(self.root, ())

    def nearest(self, path: Path) -> Path | None:
        """Return the declared path that somebody most likely meant by `path`."""
        *parents, name = path
        parent = self.find(tuple(parents))

        if isinstance(parent, Section) and (match := closest(name, list(parent.children))):
            return (*parents, match)

        known = {".".join(leaf): leaf for leaf, _ in self.leaves()}
        same_name = [leaf for leaf in known.values() if leaf[-1] == name]

        if same_name:
            return same_name[0]

        match = closest(".".join(path), list(known))
        return known[match] if match else None


def walk(section: Section, path: Path) -> Iterator[tuple[Path, Leaf]]:
    for name, child in section.children.items():
        if isinstance(child, Leaf):
            yield (*path, name), child
        else:
            yield from walk(child, (*path, name))


def closest(name: str, known: list[str]) -> str:
    import difflib

    matches = difflib.get_close_matches(name, known, n=1)
    return matches[0] if matches else ""


def section_of(kind: Any, instance: Any = ABSENT, *, foreign: bool = False) -> Section:
    """Describe a dataclass or a pydantic model; the values of `instance`, if there is one, are its defaults."""
    if is_pydantic(kind):
        return pydantic_section(kind, instance)

    if not is_model(kind):
        raise DefinitionError(f"{title(kind)}: settings are declared by a dataclass or a pydantic model")

    if not foreign and not kind.__dataclass_params__.frozen:
        raise DefinitionError(f"{title(kind)}: settings do not change: declare it with @dataclass(frozen=True)")

    hints = hints_of(kind)
    children: dict[str, Leaf | Section] = {}

    for item in fields(kind):
        if not item.init:
            continue

        if instance is not ABSENT:
            default = getattr(instance, item.name)
        elif item.default is not MISSING:
            default = item.default
        elif item.default_factory is not MISSING and item.default_factory is not section_kind(hints[item.name])[0]:
            default = item.default_factory()
        else:
            default = ABSENT

        children[item.name] = child_of(f"{title(kind)}.{item.name}", hints[item.name], default, foreign=foreign)

    return Section(kind, children, foreign=foreign)


def pydantic_section(kind: Any, instance: Any) -> Section:
    children: dict[str, Leaf | Section] = {}

    for name, item in kind.model_fields.items():
        if instance is not ABSENT:
            default = getattr(instance, name)
        else:  # pydantic fills it in
            default = ABSENT

        children[name] = child_of(f"{title(kind)}.{name}", item.annotation, default, foreign=True)

    return Section(kind, children, foreign=True, open=kind.model_config.get("extra") == "allow")


def child_of(name: str, hint: Any, default: Any, *, foreign: bool) -> Leaf | Section:
    kind, optional = section_kind(hint)

    if kind is not None:
        section = section_of(kind, ABSENT if default is None else default, foreign=foreign)
        return replace(section, default=None if default is ABSENT else default) if optional else section

    if not foreign:
        demand_supported(hint, name)

    return Leaf(hint, default, secret=holds_secret(hint, name.rpartition(".")[2]), foreign=foreign)


def section_kind(hint: Any) -> tuple[Any, bool]:
    """Return the class of a section, and whether None may stand for it; (None, False) for a plain setting."""
    hint, _ = split_annotated(hint)

    if is_model(hint) or is_pydantic(hint):
        return hint, False

    members = [member for member in get_args(hint) if member is not type(None)]
    is_union = get_origin(hint) is Union or type(hint).__name__ == "UnionType"

    if is_union and len(members) == 1 and len(get_args(hint)) == 2:
        kind, _ = section_kind(members[0])
        return kind, kind is not None

    return None, False


def holds_secret(hint: Any, name: str) -> bool:
    hint, _ = split_annotated(hint)
    kinds = [hint, *(split_annotated(member)[0] for member in get_args(hint))]
    return any(is_secret_type(kind) for kind in kinds) or (str in kinds and is_secret_name(name))


def agree(name: str, ours: Leaf | Section, theirs: Leaf | Section, business: Any) -> Leaf | Section:
    """Return the business's version of something the frame declares."""
    if isinstance(ours, Section) and isinstance(theirs, Section):
        if isinstance(ours.kind, type) and isinstance(theirs.kind, type) and issubclass(theirs.kind, ours.kind):
            return theirs
    elif isinstance(ours, Leaf) and isinstance(theirs, Leaf) and ours.kind == theirs.kind:
        return theirs

    raise DefinitionError(
        f"{title(business)}.{name}: hagworm reads a setting of this name itself; "
        f"use its type, {title(ours.kind)}, or another name"
    )


def is_pydantic(kind: Any) -> bool:
    """Tell whether `kind` is a pydantic model class; without importing pydantic, whoever has one has imported it."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def title(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else repr(kind)
