"""Rules applied where no framework does: to dataclasses, and to what a form has sent."""

from collections.abc import Mapping
from typing import Any, get_type_hints

from hagworm.extend.error import BadFields
from hagworm.extend.field.checked import Checked

__all__ = ("check_fields", "parse_fields", "rules_of")


def rules_of(annotation: Any) -> tuple[Checked, ...]:
    """Return the rules of `Annotated[type, …]`, in their order."""
    return tuple(one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Checked))


def check_fields(instance: Any) -> None:
    """Apply the rules of a dataclass's fields to what they hold, for its `__post_init__`; a frozen one too.

    Fields that hold None stay. Raises `BadFields`, which names all that are wrong.
    """
    problems: dict[str, str] = {}

    for name, annotation in get_type_hints(type(instance), include_extras=True).items():
        for rule in rules_of(annotation):
            value = getattr(instance, name)

            if value is not None:
                try:
                    object.__setattr__(instance, name, rule.parse(value))
                except ValueError as exc:
                    problems[name] = str(exc)

    if problems:
        raise BadFields(problems)


def parse_fields(types: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of `data` for these names, each as its type's rules say; other names are left out.

    Raises `BadFields`, which names all that are missing or wrong.
    """
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}

    for name, annotation in types.items():
        if name not in data:
            problems[name] = "is missing"
            continue

        values[name] = data[name]

        try:
            for rule in rules_of(annotation):
                values[name] = rule.parse(values[name])
        except ValueError as exc:
            problems[name] = str(exc)

    if problems:
        raise BadFields(problems)

    return values
