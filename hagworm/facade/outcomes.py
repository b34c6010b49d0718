"""What a route can answer, read from its return annotation and its declared responses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from inspect import Signature
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from hagworm.facade.failure import HTTPError, ValidationFailed, phrase
from hagworm.facade.plan import RoutePlan
from hagworm.facade.problem_schema import ProblemSchemas
from hagworm.facade.response import Redirect, Response
from hagworm.facade.schema import Schema, Schemas

__all__ = ("BINARY", "Outcome", "outcomes_of")

BINARY: Schema = {"type": "string", "format": "binary"}
TEXT: Schema = {"type": "string"}
NO_CONTENT = frozenset((204, 205, 304))


@dataclass(slots=True)
class Outcome:
    """One response object of OpenAPI, its schemas perhaps still to be filled in."""

    status: str
    description: str
    content: dict[str, Schema] = field(default_factory=dict)
    """The schema of each media type."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Members that are taken over as they are declared."""

    def write(self) -> dict[str, Any]:
        """Return it as OpenAPI writes it."""
        written: dict[str, Any] = {"description": self.description}

        if self.content:
            written["content"] = {media: {"schema": schema} for media, schema in self.content.items()}

        return written | self.extra


def outcomes_of(plan: RoutePlan, schemas: Schemas, problems: ProblemSchemas, *, validates: bool) -> list[Outcome]:
    """Return every response that `plan` is known to give, one for each status, in the order of their numbers."""
    found = {outcome.status: outcome for outcome in successes(plan, schemas)}

    if validates:
        found["422"] = problem(422, problems.validation, problems)

    for status, declared in plan.responses.items():
        outcome = declared_outcome(status, declared, schemas, problems)

        if (known := found.get(outcome.status)) is not None and not outcome.content:
            outcome.content = known.content

        found[outcome.status] = outcome

    return sorted(found.values(), key=lambda outcome: outcome.status)


def problem(status: int, schema: Schema, problems: ProblemSchemas) -> Outcome:
    return Outcome(str(status), phrase(status), {problems.media_type: dict(schema)})


def successes(plan: RoutePlan, schemas: Schemas) -> Iterable[Outcome]:
    """Yield what the return annotation promises: redirects have statuses of their own, the rest shares one."""
    kinds, values = split(plan.returns)
    status = plan.status

    if plan.response_class is not None and not kinds:
        kinds = [plan.response_class]

    if len(rest := [kind for kind in kinds if not issubclass(kind, Redirect)]) < len(kinds):
        moved = status if 300 <= status <= 399 else 303 if plan.methods == ("POST",) else 307
        location = {"schema": {"type": "string", "format": "uri-reference"}}
        yield Outcome(str(moved), phrase(moved), extra={"headers": {"location": location}})

        if not rest and (not values or plan.response_class is not None):
            return

    if plan.returns in (None, NoneType) and plan.response_class is None and status == 200:
        status = 204

    outcome = Outcome(str(status), phrase(status) or "Response")

    if status not in NO_CONTENT:
        for kind in rest:
            outcome.content |= content_of(kind, values if kind is plan.response_class else [], schemas)

        if values and plan.response_class not in rest:
            outcome.content["application/json"] = schemas.of(union(values), "serialization")

    yield outcome


def split(returns: Any) -> tuple[list[type[Response]], list[Any]]:
    """Part the members of a return annotation into response classes and values that are rendered."""
    if returns is Signature.empty:
        return [], [Any]

    if get_origin(returns) is Annotated:
        kinds, _ = split(get_args(returns)[0])
        return (kinds, []) if kinds else ([], [returns])

    members = get_args(returns) if get_origin(returns) in (Union, UnionType) else (returns,)
    kinds = [member for member in members if isinstance(member, type) and issubclass(member, Response)]
    return kinds, [member for member in members if member not in kinds]


def union(members: list[Any]) -> Any:
    return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007  # made of what is known at run time


def content_of(kind: type[Response], values: list[Any], schemas: Schemas) -> dict[str, Schema]:
    """Return the media type of a response class and what is in it."""
    media = (kind.media_type or "").partition(";")[0]

    if not media:
        # A plain Response decides in the handler; a stream or a file is bytes of some kind.
        return {"application/octet-stream": BINARY} if kind.streaming else {}

    if media.startswith("text/"):
        return {media: TEXT}

    if media == "application/json" or media.endswith("+json"):
        return {media: schemas.of(union(values), "serialization") if values else {}}

    return {media: BINARY}


def declared_outcome(status: int | str, declared: Any, schemas: Schemas, problems: ProblemSchemas) -> Outcome:
    """Read one entry of `responses=`: a description, a type, an `HTTPError` class or a response object of OpenAPI."""
    number = int(status) if str(status).isdigit() else 0
    outcome = Outcome(str(status), phrase(number) or "Response")

    if declared is None:
        return outcome

    if isinstance(declared, str):
        outcome.description = declared
        return outcome

    if isinstance(declared, Mapping):
        members = dict(declared)
        model = members.pop("model", None)
        outcome.description = members.pop("description", outcome.description)

        if model is not None:
            outcome.content = declared_outcome(status, model, schemas, problems).content
            described = {media: {"schema": schema} for media, schema in outcome.content.items()}
            members["content"] = described | members.get("content", {})

        outcome.extra = members
        return outcome

    if isinstance(declared, type) and issubclass(declared, HTTPError):
        schema = problems.validation if issubclass(declared, ValidationFailed) else problems.plain
        return problem(number, schema, problems)

    kinds, values = split(declared)

    for kind in kinds:
        outcome.content |= content_of(kind, [], schemas)

    if values:
        outcome.content["application/json"] = schemas.of(union(values), "serialization")

    return outcome
