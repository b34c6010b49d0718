"""What modules offer is there, and what is taken from them is offered."""

import ast
import inspect
from importlib import import_module

import pytest

import hagworm
from tests.tree import PACKAGE, Module, modules

EXPORTING = {module.name: module for module in modules() if module.exports is not None}


def exported(name: str) -> tuple[str, ...]:
    offers = import_module(name).__all__
    assert isinstance(offers, tuple)
    return offers


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions and values; each by the alphabet."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


@pytest.mark.parametrize("name", EXPORTING)
def test_what_a_module_offers_is_there(name: str) -> None:
    assert [offered for offered in exported(name) if not hasattr(import_module(name), offered)] == []


@pytest.mark.parametrize("name", [name for name in EXPORTING if name != "hagworm"])
def test_what_a_module_offers_is_in_order_and_named_once(name: str) -> None:
    assert list(exported(name)) == sorted(set(exported(name)), key=order)


@pytest.mark.parametrize("module", modules(), ids=repr)
def test_what_is_taken_from_a_module_is_offered_by_it(module: Module) -> None:
    rooms = {other.name for other in modules()}
    taken = {
        f"{source}.{name}"
        for source, names in module.imports()
        for name in names
        if source in EXPORTING and f"{source}.{name}" not in rooms and name not in exported(source)
    }

    assert taken == set()


@pytest.mark.parametrize("name", hagworm.HOMES)
def test_a_name_at_the_front_door_is_the_one_of_its_home(name: str) -> None:
    assert getattr(hagworm, name) is getattr(import_module(hagworm.HOMES[name]), name)


@pytest.mark.parametrize("name", hagworm.HOMES)
def test_a_name_at_the_front_door_is_documented(name: str) -> None:
    value = getattr(hagworm, name)

    assert inspect.getdoc(value)
    assert not inspect.isclass(value) or value.__doc__, "a docstring of its own, not its base's"


def test_type_checkers_see_the_same_front_door() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert isinstance(block.test, ast.Name)
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }

    assert block.test.id == "TYPE_CHECKING"
    assert seen == hagworm.HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Ap"):
        hagworm.Ap  # noqa: B018


def test_the_front_door_lists_all_its_names() -> None:
    assert set(hagworm.HOMES) < set(dir(hagworm))
    assert set(hagworm.__all__) == {"__version__", *hagworm.HOMES}
