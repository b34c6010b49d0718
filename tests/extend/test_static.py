"""Files that ship with hagworm."""

from pathlib import Path

import certifi
import pytest

from hagworm.extend.static import static_file


def test_a_file_that_ships_is_found() -> None:
    assert static_file("__init__.py").read_text("utf-8").startswith('"""Files that ship')


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_what_does_not_ship_is_not_found(name: str) -> None:
    with pytest.raises(FileNotFoundError, match="ships no file"):
        static_file(name)


def test_h4_the_roots_are_those_of_the_certifi_that_is_installed() -> None:
    """Where this fails certifi is newer than the file: `make cacert`."""
    *header, roots = static_file("cacert.pem").read_text("utf-8").split("\n", 2)
    assert roots == Path(certifi.where()).read_text("utf-8")
    assert all(line.startswith("# ") for line in header) and "MPL-2.0" in header[1]
