"""Files that ship with hagworm."""

import pytest

from hagworm.extend.static import static_file


def test_a_file_that_ships_is_found() -> None:
    assert static_file("__init__.py").read_text("utf-8").startswith('"""Files that ship')


@pytest.mark.parametrize("name", ["missing.pem", "."])
def test_what_does_not_ship_is_not_found(name: str) -> None:
    with pytest.raises(FileNotFoundError, match="ships no file"):
        static_file(name)
