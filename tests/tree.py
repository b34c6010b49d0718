"""The modules of hagworm as files, read without importing them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ("PACKAGE", "ROOT", "Module", "modules", "modules_under")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hagworm"


@dataclass(frozen=True, slots=True)
class Module:
    """One source file."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    def __repr__(self) -> str:
        return self.name

    @property
    def is_empty(self) -> bool:
        """Whether the file only makes its folder a package."""
        return not self.text.strip()

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing in it but a docstring."""
        return all(isinstance(node, ast.Expr) for node in self.tree.body)

    @property
    def exports(self) -> ast.expr | None:
        """What `__all__` is set to."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(to, ast.Name) and to.id == "__all__" for to in node.targets
            ):
                return node.value

        return None

    def imports(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield every import, wherever it stands: the module, and the names taken from it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, ()) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", tuple(alias.name for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of hagworm, in order of their names."""
    return tuple(sorted((read(path) for path in PACKAGE.rglob("*.py")), key=lambda module: module.name))


def modules_under(*rooms: str) -> list[Module]:
    """Return the modules of these rooms, `extend.asyncio` for example."""
    prefixes = tuple(f"hagworm.{room}" for room in rooms)
    return [module for module in modules() if any(f"{module.name}.".startswith(f"{prefix}.") for prefix in prefixes)]


def read(path: Path) -> Module:
    text = path.read_text("utf-8")
    parts = path.relative_to(ROOT).with_suffix("").parts
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path, text, ast.parse(text, str(path)))
