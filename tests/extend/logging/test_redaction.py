"""Nothing that is secret stands in a log, whoever put it into a message."""

import io
import json
import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.config import Secret
from hagworm.extend.error import ConfigError
from hagworm.extend.logging import bind, configure, redact
from hagworm.extend.logging.redaction import Redactor

HIDDEN = "hunter2hunter2"
MESSAGES = [
    f"password={HIDDEN}",
    f"login with PASSWORD: {HIDDEN}, ok",
    f"db_password='{HIDDEN} {HIDDEN}'",
    f'{{"token": "{HIDDEN}", "a": 1}}',
    f"accessToken={HIDDEN}",
    f"api-key:{HIDDEN}",
    f"GET /orders?api_key={HIDDEN}&limit=3",
    f"Authorization: Bearer {HIDDEN}",
    f"authorization: Basic {HIDDEN}",
    f"'Authorization': 'Bearer {HIDDEN}'",
    f"got Bearer {HIDDEN} from client",
    f"Cookie: session={HIDDEN}; other={HIDDEN}",
    f"postgresql://user:{HIDDEN}@host/db",
    f"redis://:{HIDDEN}@host",
    f"eyJ{HIDDEN}.eyJ{HIDDEN}.{HIDDEN}",
    f"X_B_SECRET={HIDDEN}",
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("form", ["text", "json", "plain", "colour", "syslog", "journald", "rich"])
def test_c2_secrets_in_messages_are_masked_in_every_format(message: str, form: str) -> None:
    stream = io.StringIO()
    handler = configure("info", form, stream=stream)

    if form in ("journald", "rich"):
        handler.formatter.redactor = Redactor()  # type: ignore[union-attr]  # as open_handler does

    logging.getLogger("orders").info("%s and more", message)
    written = stream.getvalue()

    assert HIDDEN not in written and "********" in written and "and" in written

    if form == "json":
        assert "and more" in json.loads(written)["message"]


@pytest.mark.parametrize("form", ["text", "json", "syslog", "journald"])
def test_c2_secret_fields_are_masked_by_name_and_by_type(form: str) -> None:
    stream = io.StringIO()
    configure("info", form, stream=stream)

    with bind(password=HIDDEN, card=Secret(HIDDEN), nested={"api_key": HIDDEN, "list": [Secret(HIDDEN)]}):
        logging.getLogger("orders").info("%s", Secret(HIDDEN), extra={"token": 12345, "plain": "yes"})

    written = stream.getvalue()
    assert HIDDEN not in written and "********" in written

    if form == "json":
        fields = json.loads(written)
        assert (fields["token"], fields["plain"], fields["message"]) == ("********", "yes", "********")


def test_c2_secrets_in_exceptions_are_masked() -> None:
    stream = io.StringIO()
    configure("info", "text", stream=stream)

    try:
        raise ValueError(f"cannot connect to amqp://guest:{HIDDEN}@localhost")
    except ValueError:
        logging.getLogger("orders").exception("failed")

    assert HIDDEN not in stream.getvalue() and "amqp://guest:********@localhost" in stream.getvalue()


@pytest.mark.parametrize(
    "message",
    [
        "order 7 paid by Ada at 12:30:01",
        "the password is wrong",
        "tokens left: 5",
        "see https://host:8080/path?mail=a@b",
        "keyboard=us, monkey: 3",
        '127.0.0.1 "GET /orders?limit=3" 200 132 1.2ms ab-1',
        "author: Ada",
    ],
)
def test_what_is_no_secret_stays(message: str) -> None:
    assert redact(message) is message or redact(message) == message


@given(
    st.dictionaries(
        st.sampled_from(["password", "token", "a", "api_key", "b"]),
        st.one_of(st.text(max_size=20), st.integers(), st.booleans(), st.none(), st.lists(st.text(max_size=5))),
    )
)
def test_json_stays_json(document: dict[str, object]) -> None:
    clean = json.loads(redact(json.dumps(document)))

    assert clean.keys() == document.keys()
    assert all(clean[name] == document[name] for name in ("a", "b") if name in document)
    inner = json.loads(redact(json.dumps({"message": json.dumps(document)})))
    assert json.loads(inner["message"]).keys() == document.keys()


def test_patterns_of_ones_own_hide_their_groups_or_all() -> None:
    redactor = Redactor([r"iban ([A-Z0-9]+)", r"\b\d{16}\b"])

    assert redactor("iban DE123 card 4111111111111111 x") == "iban ******** card ******** x"


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"regular expression, got '\('"):
        Redactor(["("])


@pytest.mark.parametrize(
    "piece", ['password="', "password=' \\\"", "token ", "://a:", "cookie: ", "eyJaaaaaaaa.", "a_"]
)
def test_r09_time_grows_with_the_length_only(piece: str) -> None:
    """The bar for parsers, as the redactor reads what attackers write: twice the text, about twice the time."""

    def cost(size: int) -> float:
        text = ("secret= " + piece * (size // len(piece)))[:size]
        start = time.process_time()

        for _ in range(3):
            redact(text)

        return time.process_time() - start

    # 8 KB is the longest record.
    assert min(cost(8192) for _ in range(3)) < 0.5
    assert len(redact("secret=" + piece * 100)) > 0
