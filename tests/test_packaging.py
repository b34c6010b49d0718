"""The same hagworm comes out of a wheel, an editable installation and a checkout on the path."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.tree import ROOT

TOOLS = {
    "aiosmtpd",
    "build",
    "coverage",
    "cronsim",
    "cryptography-vectors",
    "hypothesis",
    "import-linter",
    "loguru",
    "matplotlib",
    "mypy",
    "openapi-spec-validator",
    "pandas",
    "pillow",
    "pytest",
    "pytest-asyncio",
    "pytest-benchmark",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "setuptools",
    "towncrier",
    "zxing-cpp",
}
"""What the extra `test` holds beside the extras of users."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("packaging")]


def extras() -> dict[str, list[str]]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return {name: value.split("\n")[1:] for name, value in parser["options.extras_require"].items()}


def union(*names: str) -> set[str]:
    return {requirement for name in names for requirement in extras()[name]}


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_demo_is_what_the_embedded_defaults_need() -> None:
    assert set(extras()["demo"]) == union("orm", "sqlite", "docs")


def test_all_is_every_extra_of_users() -> None:
    assert set(extras()["all"]) == union(*(extras().keys() - {"all", "demo", "test"}))


def test_test_is_the_demo_the_servers_and_the_tools() -> None:
    tools = {requirement for requirement in extras()["test"] if requirement.partition(">=")[0] in TOOLS}

    assert set(extras()["test"]) - tools == union(
        "demo",
        "granian",
        "hypercorn",
        "http",
        "dev",
        "fast",
        "compress",
        "metrics",
        "redis",
        "excel-fast",
        "qr",
        "email",
        "jwt",
    )
    assert len(tools) == len(TOOLS)


@pytest.mark.parametrize("name", extras())
def test_z1_an_extra_names_each_requirement_once_and_gives_its_floor(name: str) -> None:
    requirements = extras()[name]

    assert len(requirements) == len(set(requirements))
    assert [requirement for requirement in requirements if ">=" not in requirement or "<" in requirement] == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is under version control or would be: nothing that was made."""
    copy = tmp_path_factory.mktemp("checkout") / "hagworm"
    made = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "*.db*", "htmlcov")
    shutil.copytree(ROOT, copy, ignore=made)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the checkout and the wheel of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, checkout, cwd=folder)
    return folder


def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def environment(folder: Path) -> Path:
    """Make a virtual environment that sees the packages of this one, without its hagworm; return its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A path in a .pth file is searched, but the .pth files inside it are not read: the editable hagworm stays out.
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))
    return python


def install(python: Path, *what: str | Path) -> None:
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, *what, cwd=python.parent)


def shipped_from(python: Path, cwd: Path) -> tuple[Path, Path]:
    code = (
        "import hagworm; from hagworm.extend.static import static_file; "
        "print(hagworm.__file__, static_file('__init__.py'), sep='\\n')"
    )
    package, static = run(python, "-c", code, cwd=cwd).split()
    return Path(package).parent, Path(static).parent


def test_the_sdist_holds_what_its_tests_need(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")

    with tarfile.open(archive) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert names >= {
        "LICENSE",
        "Makefile",
        "README.md",
        "docs/examples/orders/app.py",
        "hagworm/py.typed",
        "pyproject.toml",
        "setup.cfg",
        "static/__init__.py",
        "tests/test_packaging.py",
    }
    assert [name for name in names if name.endswith((".pyc", ".db"))] == []


def test_the_wheel_holds_every_module_and_nothing_else(checkout: Path, built: Path) -> None:
    with zipfile.ZipFile(wheel(built)) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    code = {path.relative_to(checkout).as_posix() for path in (checkout / "hagworm").rglob("*.py")}
    static = {f"hagworm/{path.relative_to(checkout)}" for path in (checkout / "static").rglob("*") if path.is_file()}

    assert names == code | static | {"hagworm/py.typed"}


def test_the_wheel_works_in_a_fresh_environment(built: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    install(python, wheel(built))
    package, static = shipped_from(python, tmp_path)

    assert package.is_relative_to(tmp_path / "venv")
    assert static == package / "static"
    assert "Usage: hagworm" in run(python.with_name("hagworm"), "--help", cwd=tmp_path)
    assert run(python, "-m", "hagworm", "--help", cwd=tmp_path).startswith("Usage: ")


def test_an_editable_installation_is_the_checkout(checkout: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    install(python, "--editable", checkout)

    assert shipped_from(python, tmp_path) == (checkout / "hagworm", checkout / "static")
    assert "Usage: hagworm" in run(python.with_name("hagworm"), "--help", cwd=tmp_path)


def test_a_checkout_on_the_path_is_enough(checkout: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")

    assert shipped_from(python, checkout) == (checkout / "hagworm", checkout / "static")
