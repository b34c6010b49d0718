"""The short form of every reliability bar, each in a process of its own: its promise is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.bar import SKIPPED
from tests.tree import ROOT

BARS = sorted(Path(__file__).parent.glob("r[0-9][0-9]_*.py"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("script", BARS, ids=lambda path: path.stem)
def test_the_promise_is_kept(script: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), "--seed", "7", "--history", str(history)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HAGWORM_LONG": "0"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )

    if done.returncode == SKIPPED and os.environ.get("CI") != "true":
        pytest.skip(done.stdout.strip())

    assert done.returncode == 0, done.stdout + done.stderr
    assert " kept: " in done.stdout.splitlines()[-1]
    assert json.loads(history.read_text())["trials"]
