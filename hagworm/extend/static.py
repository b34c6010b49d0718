"""Where the files of `static/` are, however hagworm got onto this machine."""

from importlib import import_module
from pathlib import Path

__all__ = ("static_file",)


def static_file(name: str) -> Path:
    """Return the path of a file that ships with hagworm, `cacert.pem` for example.

    The same from a wheel, an editable installation and a checkout that is only on the path. Raises FileNotFoundError.
    """
    try:
        folder = Path(*import_module("hagworm.static").__path__)
    except ModuleNotFoundError:  # a checkout on the path: the folder stands beside the package
        folder = Path(__file__).parents[2] / "static"

    if not (path := folder / name).is_file():
        raise FileNotFoundError(f"hagworm ships no file {name!r} (looked in {folder})")

    return path
