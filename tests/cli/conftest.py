"""A project of its own for each test of the command line."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hagworm.cli.group import hagworm


class Project:
    """A folder with a service in it, which is the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """Write a file; the folders on the way are made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def forget(self) -> None:
        """Forget every module that was imported from the folder, as another process would."""
        for name, module in list(sys.modules.items()):
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]

            if any(str(place).startswith(str(self.folder)) for place in places):
                del sys.modules[name]

    def run(self, *arguments: str) -> Result:
        """Run the command line in this process, as if it were a new one."""
        self.forget()
        return CliRunner().invoke(hagworm, arguments)


SHOP = """
from dataclasses import dataclass, field

from hagworm import App
from hagworm.extend.config import Secret


@dataclass(frozen=True)
class Orders:
    token: Secret = Secret("demo")
    page: int = 50

    def validate(self, environment: str) -> list[str]:
        return ["token: is known to everybody"] if environment == "production" and self.token == "demo" else []


@dataclass(frozen=True)
class Settings:
    orders: Orders = field(default_factory=Orders)


app = App(title="Shop", version="1.2", settings=Settings)


@app.get("/orders/{order_id:int}", name="order", tags=["orders"])
async def read_order(order_id: int) -> dict[str, int]:
    return {"id": order_id}


def create_app() -> App:
    return app
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty folder; what is imported from it is forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    for name in [name for name in os.environ if name.startswith("HAGWORM_")]:
        monkeypatch.delenv(name)

    project = Project(tmp_path)
    yield project
    project.forget()


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with one application, `shop:app`."""
    project.write("shop.py", SHOP)
    return project
