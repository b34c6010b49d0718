"""The plugin serves who asks, and leaves everybody else's tests alone."""

import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.tree import ROOT


def run(folder: Path, text: str, *options: str, ini: str = "", code: int = 0) -> str:
    """Run a test file in a process of its own, with this plugin and pytest-asyncio only, and return the output."""
    (folder / "test_it.py").write_text(text, "utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = auto\n{ini}\n", "utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "hagworm.testing.pytest_plugin",
            "-p",
            "pytest_asyncio.plugin",
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout


USES = """
import asyncio, time
import pytest
from hagworm import App
from hagworm.testing import Faults, virtual

app = App()

@app.get("/")
async def root() -> dict:
    return {"fine": True}

async def test_client(hagworm_client, hagworm_no_leaks):
    async with hagworm_client(app) as client:
        assert client.engine == "ENGINE"
        assert (await client.get("/")).json() == {"fine": True}

async def test_proxy(hagworm_client, hagworm_proxy):
    async with hagworm_proxy("127.0.0.1", 1, to_server=Faults(delay=1)) as proxy:
        assert proxy.seed == "SEED/test_proxy"

def test_virtual_of_a_plain_test(hagworm_virtual):
    hagworm_virtual(asyncio.sleep(10_000))

@virtual
async def test_virtual(tmp_path):
    start = time.monotonic()
    await asyncio.sleep(10_000)
    assert asyncio.get_running_loop().time() >= 10_000
    assert time.monotonic() - start < 10
    assert type(asyncio.get_running_loop()).__name__ == "VirtualLoop"

async def test_not_virtual():
    assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"
"""

LEAKS = """
import os
import pytest

def test_leaky():
    os.dup(0)

@pytest.mark.hagworm_no_leaks(grace=0)
def test_marked():
    os.dup(0)
"""


def test_what_it_offers_works(tmp_path: Path) -> None:
    text = USES.replace("ENGINE", "asgi").replace("SEED", "abc")

    assert "5 passed" in run(tmp_path, text, "--hagworm-engine", "asgi", "--hagworm-seed", "abc", "--strict-markers")


def test_leaks_fail_the_tests_that_asked_for_it(tmp_path: Path) -> None:
    output = run(tmp_path, LEAKS, code=1)

    assert "2 passed, 1 error" in output
    assert re.search(r"left behind: \{'descriptors': \{'/dev/null': 1\}\}|left behind: \{'descriptors'", output)


def test_leaks_fail_all_tests_where_the_setting_says_so(tmp_path: Path) -> None:
    assert "2 passed, 2 errors" in run(tmp_path, LEAKS, ini="hagworm_no_leaks = true", code=1)


def test_who_does_not_ask_pays_nothing(tmp_path: Path) -> None:
    """Nothing is autouse, only the plugin and its door are imported, and every name carries hagworm's."""
    text = """
import sys

def test_it(request):
    assert not [name for name in request.fixturenames if name.startswith("hagworm")]
    assert {name for name in sys.modules if name.startswith("hagworm")} == {
        "hagworm", "hagworm.extend", "hagworm.extend.lazy", "hagworm.testing", "hagworm.testing.pytest_plugin"
    }
"""
    run(tmp_path, text)
    fixtures = run(tmp_path, "", "--fixtures")
    offered = re.findall(r"^(\w+) -- .*pytest_plugin\.py", fixtures, re.MULTILINE)

    assert offered
    assert all(name.startswith("hagworm_") for name in offered)


def test_pytest_finds_it_where_hagworm_is_installed() -> None:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")

    assert parser["options.entry_points"]["pytest11"].strip() == "hagworm = hagworm.testing.pytest_plugin"


@pytest.mark.parametrize("name", ["hagworm_client", "hagworm_no_leaks", "hagworm_proxy", "hagworm_virtual"])
def test_each_fixture_says_what_it_is_for(name: str) -> None:
    from hagworm.testing import pytest_plugin

    assert getattr(pytest_plugin, name).__doc__
