"""Laws of Content-Disposition: every client can read the name, and it never leaves its place."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.disposition import content_disposition
from hagworm.facade.headers import encode_header
from hagworm.facade.multipart import read_disposition


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, "attachment"),
        ("", "attachment"),
        ("\r\n", "attachment"),
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b;c.txt", 'attachment; filename="a b;c.txt"'),
        ("naïve.txt", "attachment; filename=\"naive.txt\"; filename*=UTF-8''na%C3%AFve.txt"),
        ("文.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%E6%96%87.txt"),
        ('a"b\\c.txt', "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt"),
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
        ("a\r\nSet-Cookie: b", 'attachment; filename="aSet-Cookie: b"'),
    ],
)
def test_a_name_is_said_in_ascii_and_where_that_is_not_enough_in_full(name, expected):
    assert content_disposition(name) == expected
    assert content_disposition(name, inline=True) == expected.replace("attachment", "inline")


@given(st.text(max_size=30))
def test_every_name_can_be_sent_and_read_back(name):
    text = content_disposition(name)
    encode_header("content-disposition", text)
    clean = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", name)

    if not clean:
        assert text == "attachment"
        return

    if match := re.search(r"filename\*=UTF-8''(\S+)$", text):
        assert unquote(match[1]) == clean

    sent = text.replace("attachment", "form-data; name=x").encode()
    assert read_disposition(sent) == ("x", clean)
