"""Values as XML."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ("decode_xml", "encode_xml", "parse_xml")

Data = str | bytes | bytearray | memoryview

ATTRIBUTE, TEXT = "@", "#text"
# Line ends and tabs too: parsers turn them into others, or into spaces in attributes.
ESCAPES = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ('"', "&quot;"),
    ("\r", "&#13;"),
    ("\n", "&#10;"),
    ("\t", "&#9;"),
)


def parse_xml(data: Data, *, max_bytes: int = 8 << 20, max_depth: int = 64, max_elements: int = 100_000) -> "Element":
    """Return the root element of an XML document, as the standard library has it.

    Document types are refused, and with them entities of one's own, in this document or in another: nothing is
    fetched and nothing multiplies. Raises `BadEncoding` for that and for what is no XML, `LimitExceeded` for more
    bytes, levels, or elements and attributes together.
    """
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    raw = to_bytes(data)

    if len(raw) > max_bytes:
        raise LimitExceeded(f"XML of at most {max_bytes} bytes")

    builder = TreeBuilder()
    # Text has been encoded here, whatever its declaration says.
    reader = expat.ParserCreate("utf-8" if isinstance(data, str) else None)
    depth = count = 0

    def start(name: str, attributes: list[str]) -> None:
        nonlocal depth, count
        depth += 1
        count += 1 + len(attributes) // 2

        if depth > max_depth:
            raise LimitExceeded(f"XML of at most {max_depth} levels")

        if count > max_elements:
            raise LimitExceeded(f"XML of at most {max_elements} elements and attributes")

        builder.start(name, dict(zip(attributes[::2], attributes[1::2], strict=True)))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*args: Any) -> None:
        raise BadEncoding("XML without a document type")

    reader.ordered_attributes = True
    reader.buffer_text = True
    reader.StartElementHandler = start
    reader.EndElementHandler = end
    reader.CharacterDataHandler = builder.data
    reader.StartDoctypeDeclHandler = refuse
    reader.EntityDeclHandler = refuse

    try:
        reader.Parse(raw, True)
    except expat.ExpatError as exc:
        raise BadEncoding(f"XML ({exc})", data) from exc
    except (LookupError, ValueError) as exc:
        if isinstance(exc, BadValue):
            raise

        raise BadEncoding(f"XML in an encoding that is known ({exc})", data) from exc

    return builder.close()


def decode_xml(
    data: Data, *, max_bytes: int = 8 << 20, max_depth: int = 64, max_elements: int = 100_000
) -> dict[str, Any]:
    """Return an XML document as a dict of one key, its root: `<a><b>1</b><b>2</b></a>` is `{"a": {"b": ["1", "2"]}}`.

    An element with nothing but text is that text, others are dicts; elements of one name become a list, attributes keys
    that begin with `@`, text beside them `#text`. The order of elements of different names is not kept. Limits and
    errors as for `parse_xml`.
    """
    root = parse_xml(data, max_bytes=max_bytes, max_depth=max_depth, max_elements=max_elements)
    return {root.tag: plain_element(root)}


def encode_xml(value: Mapping[str, Any]) -> bytes:
    """Return XML in UTF-8 that `decode_xml` reads as `value`; leaves that are no text are written as `str` does.

    None is an empty element, True and False are `true` and `false`. Raises `BadValue` for another number of roots than
    one, for what is no name of XML, and for characters that XML cannot hold.
    """
    if len(value) != 1:
        raise BadValue("a mapping of one key, the name of the root", list(value))

    ((name, content),) = value.items()

    if isinstance(content, list | tuple):
        raise BadValue(f"one root called {name!r}", content)

    pieces: list[str] = []
    write_element(name, content, pieces, 0)
    document = "".join(pieces).encode("utf-8", "surrogatepass")

    # What it is good for is being read: names and characters are judged by whoever knows them all.
    try:
        parse_xml(document, max_bytes=len(document), max_depth=len(document), max_elements=len(document))
    except BadEncoding as exc:
        raise BadValue("names and characters that XML can hold", name) from exc

    return document


def plain_element(element: "Element") -> Any:
    text = "".join([element.text or "", *(child.tail or "" for child in element)])

    if not len(element) and not element.attrib:
        return text

    content: dict[str, Any] = {f"{ATTRIBUTE}{name}": value for name, value in element.attrib.items()}

    for child in element:
        value = plain_element(child)

        if child.tag not in content:
            content[child.tag] = value
        elif isinstance(content[child.tag], list):
            content[child.tag].append(value)
        else:
            content[child.tag] = [content[child.tag], value]

    # Space between elements is there for people.
    if text.strip() or (text and not len(element)):
        content[TEXT] = text

    return content


def write_element(name: str, value: Any, pieces: list[str], depth: int) -> None:
    if depth > 1000:
        raise LimitExceeded("a value that is not so deep")

    attributes, inside = "", []

    if isinstance(value, Mapping):
        for key, content in value.items():
            if key == TEXT:
                inside.append(escape_text(content))
            elif key.startswith(ATTRIBUTE):
                attributes += f' {checked_name(key[1:])}="{escape_text(content)}"'
            else:
                for item in content if isinstance(content, list | tuple) else (content,):
                    write_element(key, item, inside, depth + 1)
    elif isinstance(value, list | tuple):
        raise BadValue(f"one element called {name!r}, or a mapping", value)
    else:
        inside.append(escape_text(value))

    pieces.append(f"<{checked_name(name)}{attributes}>{''.join(inside)}</{name}>")


def checked_name(name: str) -> str:
    if not name or set(name) & set(" \t\r\n<>&\"'/=?!"):
        raise BadValue("a name of XML", name)

    return name


def escape_text(value: Any) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    for character, escaped in ESCAPES:
        text = text.replace(character, escaped)

    return text
