"""Type checkers understand business code, and find its mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import PACKAGE, ROOT

HERE = Path(__file__).parent


@pytest.mark.timeout(300)
def test_mypy_agrees_with_every_line_of_the_sample() -> None:
    """`assert_type` says what is expected of good code, an ignored error (and none that is not there) of bad code."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "setup.cfg", HERE / "public.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_z2_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
