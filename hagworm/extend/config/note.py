"""What the author of a settings class has written below its fields."""

import ast
import inspect
import textwrap

__all__ = ("notes_of",)


def notes_of(kind: type) -> dict[str, str]:
    """Return the text below each field of a class, in one line, those of its bases too; nothing without its source."""
    notes: dict[str, str] = {}

    for base in reversed(kind.__mro__):
        if base is not object:
            notes |= own_notes(base)

    return notes


def own_notes(kind: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return {}

    notes: dict[str, str] = {}
    name = ""

    for node in tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            notes[name] = " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""

    return notes
