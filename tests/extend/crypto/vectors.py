"""The vectors of the standards, as `cryptography_vectors` has them."""

from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors

__all__ = ("ROOT", "blocks", "lines_of", "numbered")

ROOT = Path(str(cryptography_vectors.__file__)).parent


def lines_of(name: str) -> list[str]:
    return (ROOT / name).read_text("utf-8").splitlines()


def blocks(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the section and the fields, their names in lower case, of each block between empty lines.

    The key that stands alone after a section comes with each of its blocks.
    """
    section, shared, block = "", dict[str, str](), dict[str, str]()
    opens = False

    for line in [*lines_of(name), ""]:
        text = line.strip()
        key, _, value = text.partition("=")

        if text.startswith("["):
            section, shared = f"{section} {text[1:-1]}" if opens else text[1:-1], {}
            opens = True
        elif text and not text.startswith("#"):
            block[key.strip().lower()] = value.strip().strip('"')
            opens = False
        elif block and not text:
            if block.keys() <= {"n", "p", "q"}:
                shared |= block
            else:
                yield section, shared | block

            block = {}


def numbered(name: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the examples of a file in the form of PKCS #1: what stands in a comment names the number after it."""
    titles: list[tuple[str, str]] = []
    title = ""

    for line in lines_of(name):
        text = line.strip()

        if text.startswith("# =") and titles:
            yield titles
            titles = []
        elif text.startswith("#"):
            title = text.strip("# :")
        elif text:
            titles.append((title, text.replace(" ", "")))

    if titles:
        yield titles
