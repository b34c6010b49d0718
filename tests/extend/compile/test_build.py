"""A tree of sources becomes a tree of bytecode as a whole, or stays as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.compile import build, check_tree, compile_tree
from hagworm.extend.compile.plan import MARKER
from hagworm.extend.error import CompileError
from tests.tree import ROOT

ASK = """
import json, sys
import shop, shop.lib.price, shop.library.price
print(json.dumps({
    "files": [shop.__file__, shop.lib.price.__file__],
    "price": shop.lib.price.price(),
    "other": shop.library.price.price(),
    "doc": shop.lib.price.price.__doc__,
    "trace": shop.lib.price.price.__code__.co_filename,
}))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A package with two subpackages, the name of one of which begins like the other's, and files beside."""
    root = tmp_path / "source" / "shop"

    for name, text in {
        "__init__.py": "",
        "lib/__init__.py": "",
        "lib/price.py": 'def price():\n    "What it costs."\n    assert False, "with assertions"\n    return 1\n',
        "library/__init__.py": "",
        "library/price.py": "def price():\n    return 2\n",
        "pages/index.html": "<p>",
        "lib/__pycache__/old.cpython-30.pyc": "old",
        "gone.pyc": "old",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return root


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def ask(folder: Path) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


BUILT = {
    "__init__.pyc",
    "lib/__init__.pyc",
    "lib/price.pyc",
    "library/__init__.pyc",
    "library/price.pyc",
    "pages/index.html",
    MARKER,
}


def test_s4_every_module_stays_in_its_own_folder(shop: Path, tmp_path: Path) -> None:
    built = compile_tree(shop, tmp_path / "out" / "shop", optimize=2)

    assert tree(tmp_path / "out" / "shop") == BUILT
    assert (built.compiled, built.copied) == (5, 1)
    answer = ask(tmp_path / "out")
    assert answer["price"] == 1
    assert answer["other"] == 2
    assert answer["doc"] is None
    assert answer["trace"] == "lib/price.py"
    assert answer["files"][0] == str(tmp_path / "out" / "shop" / "__init__.pyc")


def test_s4_in_place_every_module_stays_in_its_own_folder(shop: Path) -> None:
    built = compile_tree(shop, keep_source=False, optimize=1)

    assert tree(shop) == BUILT - {MARKER} | {"lib/__pycache__/old.cpython-30.pyc", "gone.pyc"}
    assert built.removed == 5
    assert ask(shop.parent)["doc"] == "What it costs."


def test_s4_one_source_that_does_not_compile_is_an_error_and_nothing_is_written(shop: Path, tmp_path: Path) -> None:
    (shop / "wrong.py").write_text("x = (\n")
    (shop / "nul.py").write_bytes(b"x\0")
    before = tree(shop)

    for keywords in ({"target": tmp_path / "out"}, {"keep_source": False}, {}):
        with pytest.raises(CompileError) as caught:
            compile_tree(shop, **keywords)  # type: ignore[arg-type]  # paths and flags

        assert [problem.partition(":")[0] for problem in caught.value.problems] == ["nul.py", "wrong.py"]
        assert caught.value.problems[1].startswith("wrong.py:1: ")

    assert tree(shop) == before
    assert not (tmp_path / "out").exists()


def test_s4_what_is_excluded_does_not_take_its_siblings_along(shop: Path, tmp_path: Path) -> None:
    compile_tree(shop, tmp_path / "one", exclude=["lib"])
    compile_tree(shop, tmp_path / "two", exclude=["lib/price.py", "*.html"])
    compile_tree(shop, tmp_path / "three", exclude=["/price.py", "library/"])

    assert tree(tmp_path / "one") == {name for name in BUILT if not name.startswith("lib/")}
    assert tree(tmp_path / "two") == BUILT - {"lib/price.pyc", "pages/index.html"}
    assert tree(tmp_path / "three") == {name for name in BUILT if not name.startswith("library/")}


def test_bytecode_in_place_is_where_python_looks_for_it(shop: Path) -> None:
    compile_tree(shop)
    tag = sys.implementation.cache_tag

    assert f"lib/__pycache__/price.{tag}.pyc" in tree(shop)
    assert "lib/price.py" in tree(shop)
    # Unchecked: Python takes the bytecode for true, and does not look at the source.
    (shop / "library" / "price.py").write_text("def price():\n    return 3\n")
    environment = {**os.environ, "PYTHONPATH": str(shop.parent)}
    code = "import shop.library.price as p; print(p.price(), p.price.__code__.co_filename)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["2", str(shop / "library" / "price.py")]


def test_sources_may_come_along_as_they_are(shop: Path, tmp_path: Path) -> None:
    compile_tree(shop, tmp_path / "out", as_source=["library"])
    compile_tree(shop, tmp_path / "both", keep_source=True, optimize=1)

    assert tree(tmp_path / "out") == BUILT - {"library/__init__.pyc", "library/price.pyc"} | {
        "library/__init__.py",
        "library/price.py",
    }
    tag = sys.implementation.cache_tag
    assert {"lib/price.py", f"lib/__pycache__/price.{tag}.opt-1.pyc"} < tree(tmp_path / "both")


def test_the_new_tree_takes_the_place_of_the_old_one_as_a_whole(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compile_tree(shop, out)
    (shop / "library" / "price.py").unlink()
    (shop / "fresh.py").write_text("")
    compile_tree(shop, out)

    assert tree(out) == BUILT - {"library/price.pyc"} | {"fresh.pyc"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_an_old_tree_stays_when_the_new_one_cannot_take_its_place(
    shop: Path, tmp_path: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    compile_tree(shop, out)
    (shop / "fresh.py").write_text("")

    if can_exchange:
        monkeypatch.setattr(build.shutil, "copy2", lambda *_: 1 / 0)
    else:
        rename = os.rename
        monkeypatch.setattr(build, "exchange", lambda *_: False)

        def fail(old: Path, new: Path) -> None:
            if ".new" in str(old) and Path(old).name == "out":
                raise OSError("the disk is full")

            rename(old, new)

        monkeypatch.setattr(build.os, "rename", fail)

    with pytest.raises((OSError, ZeroDivisionError)):
        compile_tree(shop, out)

    assert tree(out) == BUILT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_without_the_system_s_help_trees_still_change_places(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "exchange", lambda *_: False)

    for _ in range(2):
        compile_tree(shop, tmp_path / "out")

    assert tree(tmp_path / "out") == BUILT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_a_folder_that_was_not_built_here_is_not_replaced(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    (tmp_path / "empty").mkdir()
    compile_tree(shop, tmp_path / "empty")

    with pytest.raises(CompileError, match="not built by this command"):
        compile_tree(shop, tmp_path / "home")

    with pytest.raises(CompileError, match="no folder"):
        compile_tree(shop, tmp_path / "home" / "letter")

    assert tree(tmp_path / "home") == {"letter"}


def test_trees_within_each_other_are_refused(shop: Path) -> None:
    for target in (shop, shop / "out", shop.parent):
        with pytest.raises(CompileError, match="within each other"):
            compile_tree(shop, target)


def test_links_to_folders_are_told_and_links_to_files_are_followed(shop: Path, tmp_path: Path) -> None:
    (shop / "linked.py").symlink_to(shop / "lib" / "price.py")
    compile_tree(shop, tmp_path / "out")
    (shop / "loop").symlink_to(shop)

    assert "linked.pyc" in tree(tmp_path / "out")

    with pytest.raises(CompileError, match="loop: it is a link to a folder"):
        compile_tree(shop, tmp_path / "out")


def test_a_tree_as_built_has_no_differences_and_a_check_writes_nothing(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    missing = {str(difference) for difference in check_tree(shop, out)}

    assert missing == {f"{name}: missing" for name in BUILT - {MARKER}}
    assert not out.exists()
    compile_tree(shop, out)
    assert check_tree(shop, out) == []
    (out / "__pycache__").mkdir()
    (out / "__pycache__" / "x.pyc").write_bytes(b"")
    assert check_tree(shop, out) == []
    (out / "lib" / "price.pyc").write_bytes(b"broken")
    (out / "pages" / "index.html").write_text("<b>")
    (out / "library" / "price.pyc").unlink()
    (out / "more").write_text("")
    (shop / "__init__.py").write_text("x = 1\n")

    assert [str(difference) for difference in check_tree(shop, out)] == [
        "__init__.pyc: changed",
        "lib/price.pyc: changed",
        "library/price.pyc: missing",
        "more: extra",
        "pages/index.html: changed",
    ]
    assert {difference.reason for difference in check_tree(shop, out, optimize=2)} == {"changed", "missing", "extra"}


def test_a_check_in_place_looks_at_the_bytecode_only(shop: Path) -> None:
    compile_tree(shop, invalidation="checked-hash")

    assert check_tree(shop, invalidation="checked-hash") == []
    (shop / "lib" / "price.py").write_text("x = 2\n")
    (difference,) = check_tree(shop, invalidation="checked-hash")
    assert difference.reason == "changed"
    assert len(check_tree(shop)) == 5


def test_the_same_sources_are_the_same_bytes_whoever_builds_them(tmp_path: Path) -> None:
    code = """
import sys
from hagworm.extend.compile import compile_tree
extra = sys.argv[2:]
for name in extra:
    __import__(name)
compile_tree("hagworm/extend/config", sys.argv[1])
"""

    for seed, name, extra in (("0", "one", []), ("1", "two", ["hagworm.extend.config.loader", "json", "ast"])):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name), *extra],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
        )

    one, two = tmp_path / "one", tmp_path / "two"
    assert tree(one) == tree(two)
    assert [name for name in sorted(tree(one)) if (one / name).read_bytes() != (two / name).read_bytes()] == []


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"optimize": 3}, "0, 1 or 2, not 3"),
        ({"invalidation": "never"}, "not 'never'"),
    ],
    ids=["optimize", "invalidation"],
)
def test_what_is_no_option_is_named(shop: Path, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        compile_tree(shop, **keywords)


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="there is no folder"):
        compile_tree(tmp_path / "nowhere")


SERVE = """
import asyncio, json
import orders, orders.app, orders.store
from hagworm.extend.config import load_settings
from hagworm.facade.settings import FrameSettings
from hagworm.testing import Client
from orders.settings import Settings


async def main():
    app = orders.app.build()
    memory = {"database.url": "sqlite+aiosqlite://"}
    app.configure(load_settings(Settings, frame=FrameSettings, overrides=memory, environ={}))
    order = {"customer": "Ada", "items": [{"sku": "A-1", "quantity": 2, "price_cents": 250}]}

    async with Client(app, engine="memory", headers={"x-token": "demo"}, raise_errors=True) as client:
        made = await client.post("/orders", json=order)
        read = await client.get(f"/orders/{made.json()['id']}")
        print(json.dumps({"made": made.status, "read": read.json()["customer"], "file": orders.store.__file__}))


asyncio.run(main())
"""


@pytest.mark.parametrize("optimize", [0, 2])
def test_a_service_without_sources_serves(optimize: Any, tmp_path: Path) -> None:
    compile_tree(
        ROOT / "docs" / "examples" / "orders", tmp_path / "app" / "orders", optimize=optimize, exclude=["tests"]
    )
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "app"), str(ROOT)])},
        capture_output=True,
        text=True,
    )

    assert list((tmp_path / "app").rglob("*.py")) == []
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "made": 201,
        "read": "Ada",
        "file": str(tmp_path / "app" / "orders" / "store.pyc"),
    }
