"""A letter says what it should, to whom it should, and nothing smuggles in more."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import BadValue
from hagworm.extend.net.letter import Attachment, Letter, read_address

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=60)


def sent(letter: Letter) -> EmailMessage:
    return message_from_bytes(letter.message("<1@example.org>", NOW).as_bytes(), policy=policy.default)


def test_a_letter_has_the_fields_of_the_rfc_and_addresses_joined_by_commas() -> None:
    letter = Letter("Shop ä <shop@example.org>", ["a@x.org", "B <b@x.org>"], "Grüße", "hello", cc=["c@x.org"])
    raw = letter.message("<1@example.org>", NOW).as_bytes()
    message = sent(letter)
    assert raw.isascii() and b"\r\n" in raw
    assert message["to"] == "a@x.org, B <b@x.org>", "S8: the original joined them by semicolons"
    assert message["subject"] == "Grüße" and message["from"] == "Shop ä <shop@example.org>"
    assert message["message-id"] == "<1@example.org>" and message["date"].startswith("Fri, 02 Jan 2026")


def test_blind_copies_are_sent_and_named_nowhere() -> None:
    letter = Letter("a@x.org", ["b@x.org", "B <b@x.org>"], "s", bcc=["hidden@x.org"])
    assert letter.recipients == ("b@x.org", "hidden@x.org")
    assert b"hidden" not in letter.message("<1@x>", NOW).as_bytes()


def test_html_text_pictures_and_attachments_are_where_readers_look_for_them() -> None:
    picture = Attachment("logo.png", b"png", "image/png", cid="logo")
    message = sent(
        Letter(
            "a@x.org",
            ["b@x.org"],
            "s",
            "text",
            html='<img src="cid:logo">',
            attachments=[picture, Attachment("rechnung ä.pdf", b"pdf", "application/pdf")],
        )
    )
    (attachment,) = message.iter_attachments()
    assert message.get_content_type() == "multipart/mixed"
    assert attachment.get_filename() == "rechnung ä.pdf" and attachment.get_content() == b"pdf"
    assert {part.get_content_type() for part in message.walk()} >= {
        "multipart/alternative",
        "multipart/related",
        "text/plain",
        "text/html",
        "image/png",
    }


@given(PRINTABLE, PRINTABLE)
def test_what_is_printable_arrives_as_it_was_written(subject: str, name: str) -> None:
    message = sent(Letter("a@x.org", ["b@x.org"], subject, attachments=[Attachment(name or "x", b"")]))
    assert message["subject"].split() == subject.split()


BAD: dict[str, dict[str, Any]] = {
    "a line break in the subject": {"subject": "s\r\nBcc: evil@x.org"},
    "a line separator in the subject": {"subject": "s\u2028Bcc: evil@x.org"},
    "a line break in an address": {"to": ["b@x.org\nBcc: evil@x.org"]},
    "a line break in the sender": {"sender": "a@x.org\r\nX: y"},
    "two addresses in one": {"to": ["b@x.org, evil@x.org"]},
    "no address": {"to": ["somebody"]},
    "no domain": {"to": ["b@"]},
    "an address without end": {"to": ["(" * 5000 + "b@x.org"]},
    "an address with a space": {"to": ["a b@x.org"]},
    "nobody": {"to": []},
    "a text for a list": {"to": "b@x.org"},
    "a line break in a header": {"headers": {"X-A": "1\nX-B: 2"}},
    "a line break in the name of a header": {"headers": {"X-A: 1\nX-B": "2"}},
    "a header of its own": {"headers": {"bcc": "evil@x.org"}},
    "a line break in a file's name": {"attachments": [Attachment("a\r\nX: y", b"")]},
    "a line break in a media type": {"attachments": [Attachment("a", b"", "text/plain\r\nX: y")]},
    "a line break in a cid": {"attachments": [Attachment("a", b"", cid="a>\r\nX: y")]},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_a_letter_that_would_say_more_than_it_should_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        Letter(**{"sender": "a@x.org", "to": ["b@x.org"], "subject": "s", **changes})


@pytest.mark.parametrize("text", ["a@x.org", "A B <a@x.org>", '"B, A" <a@x.org>', "<a@x.org>"])
def test_an_address_is_read_with_or_without_a_name(text: str) -> None:
    assert read_address(text).addr_spec == "a@x.org"


def test_what_a_letter_says_does_not_show_in_its_text() -> None:
    letter = Letter("a@x.org", ["b@x.org"], "s", "secret", html="secret", attachments=[Attachment("a", b"secret")])
    assert "secret" not in repr(letter)
