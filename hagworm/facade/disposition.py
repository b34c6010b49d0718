"""Content-Disposition: what a client is told to do with a response, and under which name (RFC 6266)."""

import unicodedata
from urllib.parse import quote

__all__ = ("content_disposition",)

# Clients disagree about what these mean inside quotes (RFC 6266 appendix D).
UNRELIABLE = str.maketrans({'"': "_", "\\": "_", "%": "_"})


def content_disposition(filename: str | None = None, *, inline: bool = False) -> str:
    """Return `attachment`, or `inline`, with the name that the client should save the response under.

    Where plain ASCII cannot say the name there are two: `filename` with the nearest that it can say, for old clients,
    and `filename*`. Control characters are left out.
    """
    kind = "inline" if inline else "attachment"
    name = "".join(character for character in filename or "" if unicodedata.category(character) not in ("Cc", "Cs"))

    if not name:
        return kind

    letters = (letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    fallback = "".join(letter if letter.isascii() else "_" for letter in letters).translate(UNRELIABLE)
    text = f'{kind}; filename="{fallback}"'
    return text if fallback == name else f"{text}; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"
