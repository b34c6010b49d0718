"""A target leads to an application, or the message says where it went wrong."""

import re
from pathlib import Path

import pytest

from hagworm import App
from hagworm.cli.target import load_target
from hagworm.extend.error import DefinitionError, TargetError
from tests.cli.conftest import Project


def refused(target: str, app_dir: Path | None = None) -> str:
    with pytest.raises(TargetError) as caught:
        load_target(target, app_dir)

    assert caught.value.exit_code == 2
    return str(caught.value)


def test_an_attribute_that_is_an_application_is_one(shop: Project) -> None:
    assert isinstance(load_target("shop:app"), App)


def test_a_function_without_arguments_may_make_it(shop: Project) -> None:
    assert load_target("shop:create_app") is load_target("shop:app")


def test_a_class_or_an_object_may_hold_it(project: Project) -> None:
    project.write("held.py", "from hagworm import App\nclass Box:\n    app = App()\nbox = Box()\n")

    assert load_target("held:Box.app") is load_target("held:box.app")


def test_modules_are_found_in_the_directory_that_is_named(project: Project) -> None:
    project.write("src/inner/api.py", "from hagworm import App\napp = App()\n")

    assert isinstance(load_target("inner.api:app", Path("src")), App)
    assert refused("inner.api:app", Path("nowhere")) == "--app-dir nowhere: no such directory"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shop", "'shop' is not of the form 'package.module:attribute' (did you mean 'shop:app'?)"),
        ("shop:", "'shop:' is not of the form 'package.module:attribute' (did you mean 'shop:app'?)"),
        ("./shop.py:app", "'./shop.py:app' is not of the form 'package.module:attribute' (did you mean 'shop:app'?)"),
        ("a/b.py", "'a/b.py' is not of the form 'package.module:attribute' (did you mean 'a.b:app'?)"),
        (":app", "':app' is not of the form 'package.module:attribute', like 'orders.app:app'"),
        ("my-shop:app", "'my-shop:app' is not of the form 'package.module:attribute', like 'orders.app:app'"),
    ],
)
def test_what_is_no_target_is_corrected(shop: Project, target: str, message: str) -> None:
    assert refused(target) == message


def test_a_module_that_is_not_there_is_named_with_the_nearest_file(shop: Project) -> None:
    shop.write("pack/__init__.py", "")
    shop.write("pack/orders.py", "")

    assert refused("shpo:app") == f"no module named 'shpo' in {shop.folder} (did you mean 'shop'?)"
    assert refused("elsewhere:app") == (
        f"no module named 'elsewhere' in {shop.folder}; --app-dir names another directory"
    )
    assert refused("pack.ordres:app") == (
        f"no module named 'pack.ordres' in {shop.folder / 'pack'} (did you mean 'pack.orders'?)"
    )
    assert refused("shop.api:app") == "cannot import 'shop.api': 'shop' is a module, not a package"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("\nimport not_installed_anywhere\n", "2: ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("from os import nothing_like_it\n", "1: ImportError: cannot import name 'nothing_like_it' from 'os'"),
        ("x = 1\n\ny = x / 0\n", "3: ZeroDivisionError: division by zero"),
        ("def f(:\n    pass\n", "1: SyntaxError: invalid syntax"),
        ("import json\njson.loads('{')\n", "2: JSONDecodeError: Expecting property name"),
        ("import sys\nsys.exit('no')\n", "2: SystemExit: no"),
    ],
)
def test_a_module_that_fails_is_blamed_in_its_own_line(project: Project, code: str, reason: str) -> None:
    project.write("broken.py", code)

    assert refused("broken:app").startswith(f"cannot import 'broken': broken.py:{reason}")


def test_the_line_is_that_of_the_module_at_fault_not_of_who_imports_it(project: Project) -> None:
    project.write("outer.py", "\n\nimport inner\n")
    project.write("inner.py", "\nimport shop_not_there\n")

    assert refused("outer:app") == (
        "cannot import 'outer': inner.py:2: ModuleNotFoundError: No module named 'shop_not_there'"
    )


def test_errors_of_hagworm_in_a_module_stay_what_they_are(project: Project) -> None:
    project.write("wrong.py", "from hagworm import App\napp = App(trailing_slash='perhaps')\n")

    with pytest.raises(DefinitionError, match="perhaps"):
        load_target("wrong:app")


def test_an_attribute_that_is_not_there_is_named_with_the_nearest(shop: Project) -> None:
    assert refused("shop:ap") == "'shop' has no attribute 'ap' (did you mean 'app'?) (shop.py)"
    assert refused("shop:application") == "'shop' has no attribute 'application' (did you mean 'app'?) (shop.py)"
    assert refused("shop:zzz") == "'shop' has no attribute 'zzz' (did you mean 'app'?) (shop.py)"
    assert refused("shop:app.zzz") == "'shop.app' has no attribute 'zzz' (shop.py)"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("it = 5", "'thing:it' is an int, not an App, nor a function that returns one"),
        ("import json as it", "'thing:it' is the module json, not an App, nor a function that returns one"),
        ("def it(): return 5", "thing:it() returned an int, not an App"),
        ("class it: ...", "thing:it() returned a thing.it, not an App"),
        ("async def it(): ...", "'thing:it' is a coroutine function; a function that returns an App is a plain one"),
        ("def it():\n    return {}['x']", "thing:it() failed: thing.py:2: KeyError: 'x'"),
    ],
)
def test_what_is_no_application_is_described(project: Project, code: str, message: str) -> None:
    project.write("thing.py", code)

    assert refused("thing:it") == message


def test_a_function_that_needs_arguments_is_told_so(project: Project) -> None:
    project.write("thing.py", "def it(a, b=1, *c): ...")

    assert refused("thing:it") == (
        "'thing:it' is the function it; a function that returns an App takes no argument, this one needs a"
    )


def test_messages_never_hold_an_address_in_memory(project: Project) -> None:
    project.write("thing.py", "it = object()")

    assert not re.search(r"0x[0-9a-f]+", refused("thing:it"))
