"""The OpenAPI 3.1 document of an application, made from its route plans and nothing else.

The same routes give the same bytes on every engine, Python and run: paths stand in the order of their declaration,
everything whose order says nothing is sorted, and no name depends on an address in memory.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from hagworm.extend.error import DefinitionError
from hagworm.facade.operation import Operation
from hagworm.facade.plan import RoutePlan
from hagworm.facade.problem_schema import PROBLEMS, final_names
from hagworm.facade.schema import Schemas, references, rename_references, walk

__all__ = ("document", "merge_native", "render", "served_below")

VERSION = "3.1.0"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
NOT_A_WORD = re.compile(r"[^A-Za-z0-9]+")
COMPONENT = "#/components/{kind}/"

Document = dict[str, Any]


def document(
    plans: Sequence[RoutePlan],
    *,
    title: str,
    version: str,
    description: str = "",
    servers: Sequence[str | Mapping[str, Any]] = (),
    extra: Mapping[str, Any] | None = None,
    compat: str | None = None,
) -> Document:
    """Return the document that describes `plans`.

    `servers` are URLs or server objects. `extra` is merged over the result, object into object: security schemes,
    tag descriptions, contact. `compat` is the application's, it decides how errors look. Routes that are not to be
    included are left out; WebSockets stand under `x-websockets`.

    Raises `DefinitionError` where two routes ask for the same operation id.
    """
    problems = PROBLEMS[compat or "problem"]
    schemas = Schemas()
    operations = [Operation(plan, schemas, problems) for plan in plans if plan.include_in_schema]
    schemas.resolve()
    names = operation_ids([operation.plan for operation in operations])
    paths: dict[str, dict[str, Any]] = {}

    for place, operation in enumerate(operations):
        for method in documented_methods(operation.plan):
            # Two templates that differ in a converter only are one path to OpenAPI: the one declared first is shown.
            paths.setdefault(operation.plan.path, {}).setdefault(method, operation.write(names[place, method]))

    made: Document = {
        "openapi": VERSION,
        "info": {"title": title, "version": version} | ({"description": description} if description else {}),
    }

    if servers:
        made["servers"] = [{"url": item} if isinstance(item, str) else dict(item) for item in servers]

    made["paths"] = paths

    if sockets := [operation.write_websocket() for operation in operations if operation.plan.websocket]:
        made["x-websockets"] = sockets

    components = deepcopy(schemas.components | problems.components)
    made = deepcopy(made)
    shorter = final_names(schemas.components)
    rename_references([made, components], shorter)
    components = {shorter.get(name, name): schema for name, schema in components.items()}
    needed = reachable(components, references(made) | references(extra or {}))

    if needed:
        made["components"] = {"schemas": {name: components[name] for name in sorted(needed)}}

    return merge(made, extra or {})


def render(document: Document) -> bytes:
    """Return the document as UTF-8 JSON, indented by two spaces. Raises ValueError for a number that JSON lacks."""
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def served_below(base: str, document: Document) -> Document:
    """Return the document as it is true of an application that is mounted at `base`, unless it names servers itself."""
    if not base or "servers" in document:
        return document

    head = {key: document[key] for key in ("openapi", "info")}
    return head | {"servers": [{"url": base}]} | document


def documented_methods(plan: RoutePlan) -> list[str]:
    """Return the methods that the document shows, in its order: HEAD goes without saying beside GET."""
    methods = {method.lower() for method in plan.methods} if not plan.websocket else set()
    return [method for method in METHODS if method in methods and not (method == "head" and "get" in methods)]


def operation_ids(plans: Sequence[RoutePlan]) -> dict[tuple[int, str], str]:
    """Return the operation id of each method of each plan, unique and the same however many routes come after.

    One that was declared is kept as it is, with the method behind it where the route answers several.
    """
    found: dict[tuple[int, str], str] = {}
    owners: dict[str, RoutePlan] = {}

    for place, plan in enumerate(plans):
        if (declared := plan.operation_id) is None:
            continue

        methods = documented_methods(plan)

        for method in methods:
            name = declared if len(methods) == 1 else f"{declared}_{method}"

            if (owner := owners.get(name)) is not None:
                raise DefinitionError(f"operation id {name!r} is used twice: {owner.location} and {plan.location}")

            owners[name] = plan
            found[place, method] = name

    for place, plan in enumerate(plans):
        for method in documented_methods(plan):
            if (place, method) not in found:
                found[place, method] = name = free(derived_id(plan, method), owners)
                owners[name] = plan

    return found


def derived_id(plan: RoutePlan, method: str) -> str:
    return "_".join(NOT_A_WORD.sub("_", part).strip("_") for part in (plan.name, plan.path, method) if part.strip("/"))


def free(name: str, taken: Mapping[str, Any]) -> str:
    """Return `name`, or `name_2`, `name_3` … where it is taken."""
    candidates = (name if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def reachable(components: Mapping[str, Any], names: set[str]) -> set[str]:
    """Return the components that are needed for `names`, themselves included, as far as there are such components."""
    found: set[str] = set()
    queue = [name for name in names if name in components]

    while queue:
        if (name := queue.pop()) not in found:
            found.add(name)
            queue.extend(references(components[name]) & components.keys())

    return found


def merge(base: Document, over: Mapping[str, Any]) -> Document:
    """Return `base` with `over` laid on it: objects are merged member by member, everything else is replaced."""
    return base | {
        key: merge(base[key], value) if isinstance(value, Mapping) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


def merge_native(document: Document, native: Document, *, prefix: str = "") -> Document:
    """Return `document` with what a native application says of itself, behind the facade or mounted at `prefix`.

    The facade answers first, so an operation that both have is the facade's. A component of the same name and another
    shape, and an operation id that is taken, get `native_` in front of their name.
    """
    merged, native = deepcopy(document), deepcopy(native)
    own: Document = merged.setdefault("components", {})
    foreign: Document = native.setdefault("components", {})
    names = {(kind, name): free(f"native_{name}", own[kind]) for kind, name in clashes(own, foreign)}

    for kind in foreign:
        renamed = {name: new for (owner, name), new in names.items() if owner == kind}
        rename_references(native, renamed, prefix=COMPONENT.format(kind=kind))

    for kind, entries in foreign.items():
        final = {names.get((kind, name), name): entry for name, entry in entries.items()}
        own[kind] = dict(sorted((own.get(kind, {}) | final).items()))

    taken: dict[str, Any] = {operation.get("operationId", ""): operation for operation in operations_of(merged)}

    for operation in operations_of(native):
        if needs := operation.get("security", native.get("security")):
            operation["security"] = [
                {names.get(("securitySchemes", name), name): scopes for name, scopes in need.items()} for need in needs
            ]

        if operation.get("operationId") in taken:
            operation["operationId"] = free(f"native_{operation['operationId']}", taken)

        taken[operation.get("operationId", "")] = operation

    for path, item in native.get("paths", {}).items():
        merged["paths"][prefix + path] = item | merged["paths"].get(prefix + path, {})

    if not own:
        del merged["components"]

    return {member: native[member] for member in ("tags", "webhooks") if member in native} | merged


def clashes(own: Document, foreign: Document) -> list[tuple[str, str]]:
    """Return kind and name of every foreign component that is not the same as ours of that name.

    Two that read alike differ still where they refer to one that does.
    """
    shared = {
        (kind, name): entry
        for kind, entries in foreign.items()
        for name, entry in entries.items()
        if name in own.get(kind, {})
    }
    found = [key for key, entry in shared.items() if own[key[0]][key[1]] != entry]

    # The list grows while it is read: what refers to a clash is one itself.
    for kind, name in found:
        target = COMPONENT.format(kind=kind) + name
        found += [key for key, entry in shared.items() if key not in found and refers(entry, target)]

    return found


def refers(node: Any, target: str) -> bool:
    return any(target in item.values() for item in walk(node) if "$ref" in item)


def operations_of(document: Document) -> Iterator[dict[str, Any]]:
    """Yield every operation of the document."""
    for item in document.get("paths", {}).values():
        yield from (item[method] for method in METHODS if method in item)
