"""Forms with files are what their readers expect, and nothing in a name breaks out of it."""

from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.net.multipart import CLOSING, part_end, part_head, total_size


@given(st.text(max_size=30), st.text(max_size=30), st.binary(max_size=60))
def test_a_form_has_the_size_that_was_told_and_one_part(name: str, filename: str, content: bytes) -> None:
    name, filename = (text.encode(errors="replace").decode() for text in (name, filename))
    head = part_head("BoUnDaRy", name, filename)
    whole = head + content + part_end() + CLOSING % b"BoUnDaRy"
    assert total_size("BoUnDaRy", [(head, len(content))]) == len(whole)
    assert head.count(b"\r\n") == 4

    parsed = message_from_bytes(b"Content-Type: multipart/form-data; boundary=BoUnDaRy\r\n\r\n" + whole)
    assert len(parsed.get_payload()) == 1


def test_a_size_that_is_not_known_makes_the_whole_unknown() -> None:
    assert total_size("b", [(b"x", 1), (b"y", None)]) is None


def test_quotes_and_line_breaks_in_names_are_escaped() -> None:
    head = part_head("b", 'a"\r\nX: y', "c\nd").decode()
    assert 'name="a%22%0D%0AX: y"; filename="c%0Ad"' in head and "application/octet-stream" in head


def test_a_content_type_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="media type"):
        part_head("b", "a", content_type="text/plain\r\nX: y")
