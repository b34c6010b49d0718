"""`hagworm compile` builds bytecode, and its exit code says how that went."""

import json

from tests.cli.conftest import Project


def test_a_tree_is_built_and_counted(shop: Project) -> None:
    shop.write("shop/pages/index.html", "<p>")
    shop.write("shop/__init__.py", "")
    done = shop.run("compile", "shop", "--out", "build/shop")

    assert (done.exit_code, done.stdout) == (0, "build/shop: 1 compiled, 1 copied\n")
    assert (shop.folder / "build/shop/__init__.pyc").is_file()


def test_s4_a_source_that_does_not_compile_fails_the_command(project: Project) -> None:
    project.write("shop/wrong.py", "x = (")
    project.write("shop/bad.py", "return")
    done = project.run("compile", "shop", "--out", "build")

    assert done.exit_code == 1
    assert "wrong.py:1: " in done.stderr
    assert "bad.py:1: " in done.stderr
    assert not (project.folder / "build").exists()
    as_json = project.run("compile", "shop", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["ok"] is False
    assert len(json.loads(as_json.stdout)["problems"]) == 2


def test_a_check_exits_with_1_where_something_differs(project: Project) -> None:
    project.write("shop/a.py", "x = 1")
    assert project.run("compile", "shop", "--out", "build").exit_code == 0
    assert project.run("compile", "shop", "--out", "build", "--check").stdout == "build: all is as it would be built\n"
    project.write("shop/a.py", "x = 2")
    project.write("shop/b.py", "")
    done = project.run("compile", "shop", "--out", "build", "--check")

    assert done.exit_code == 1
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["REASON", "FILE"],
        ["changed", "a.pyc"],
        ["missing", "b.pyc"],
    ]
    as_json = project.run("compile", "shop", "--out", "build", "--check", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) == {
        "ok": False,
        "differences": [{"path": "a.pyc", "reason": "changed"}, {"path": "b.pyc", "reason": "missing"}],
    }


def test_sources_are_kept_in_place_unless_they_are_to_be_dropped(project: Project) -> None:
    project.write("shop/a.py", "x = 1")
    assert project.run("compile", "shop").exit_code == 0
    assert (project.folder / "shop/a.py").is_file()
    done = project.run("compile", "shop", "--drop-source")

    assert done.stdout == "shop: 1 compiled, 1 sources dropped\n"
    assert not (project.folder / "shop/a.py").exists()
    assert (project.folder / "shop/a.pyc").is_file()


def test_options_are_checked_before_anything_is_done(project: Project) -> None:
    project.write("shop/a.py", "x = 1")

    assert project.run("compile", "shop", "-O", "3").exit_code == 2
    assert project.run("compile", "shop", "--invalidation", "never").exit_code == 2
    assert project.run("compile", "nowhere").exit_code == 1
    assert not (project.folder / "shop/__pycache__").exists()


def test_help_shows_how_it_is_called(project: Project) -> None:
    assert "hagworm compile orders --out build/orders" in project.run("compile", "--help").stdout
