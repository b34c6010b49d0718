"""A type takes what it is meant for, in its usual spellings, and says of everything else what was expected."""

import dataclasses
import subprocess
import sys
from datetime import date, datetime
from ipaddress import IPv4Address
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hagworm import App, Form, Query
from hagworm.extend import field
from hagworm.extend.error import BadFields, BadValue
from hagworm.extend.field import Checked, check_fields, parse_fields, parse_public_url
from hagworm.testing import Client

GOOD: list[tuple[str, Any, Any]] = [
    ("Email", "a.b.c@x.com", "a.b.c@x.com"),
    ("Email", "First@x.com", "First@x.com"),
    ("Email", "u@mail.Example.com ", "u@mail.example.com"),
    ("Email", "a+b@x.com", "a+b@x.com"),
    ("Email", "curator@city.museum", "curator@city.museum"),
    ("Email", "o'neill@bücher.example", "o'neill@xn--bcher-kva.example"),
    ("Domain", "Example.COM.", "example.com"),
    ("Domain", "例え.jp", "xn--r8jz45g.jp"),
    ("URL", "http://localhost:8000/a?b=c#d", "http://localhost:8000/a?b=c#d"),
    ("URL", "https://[::1]/", "https://[::1]/"),
    ("URL", "https://user:pw@10.0.0.1/", "https://user:pw@10.0.0.1/"),
    ("PublicURL", "https://example.com/a", "https://example.com/a"),
    ("MAC", "02-42-AC-12-00-02", "02:42:ac:12:00:02"),
    ("MAC", "0242.ac12.0002", "02:42:ac:12:00:02"),
    ("MAC", "0242ac120002", "02:42:ac:12:00:02"),
    ("Phone", "+49 (30) 1234-567", "+49301234567"),
    ("Phone", "0044 20 7946 0000", "+442079460000"),
    ("Mobile", "+86 138-0013-8000", "13800138000"),
    ("Mobile", "13800138000", "13800138000"),
    ("VisibleText", "abc", "abc"),
    ("IDCard", "11010519491231002X", "11010519491231002X"),
    ("BankCard", "4111 1111 1111 1111", "4111111111111111"),
    ("CreditCode", "91350100M000100Y43", "91350100M000100Y43"),
    ("IBAN", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    ("ISBN", "978-3-16-148410-0", "9783161484100"),
    ("UniqueID", "0199A4F0-7C3E-7000-8000-0242AC120002", UUID("0199a4f0-7c3e-7000-8000-0242ac120002")),
    ("Date", "2026-11-22", date(2026, 11, 22)),
    ("IPv4", "10.0.0.1", IPv4Address("10.0.0.1")),
    ("JSONText", '{"a": [1]}', {"a": [1]}),
    ("Base64", "AP-_", b"\x00\xff\xbf"),
    ("Base64", "AP+/", b"\x00\xff\xbf"),
    ("StrList", "a, b", ["a", "b"]),
    ("IntList", "1,-2", [1, -2]),
    ("IntList", "", []),
    ("IntList", [1, "2"], [1, 2]),
    ("FloatList", "1.5,-2", [1.5, -2.0]),
]

BAD: list[tuple[str, Any]] = [
    *(("Email", text) for text in ("", "a", "a@", "@b.c", "a..b@x.com", ".a@x.com", "a@x", "a@-x.com", "a b@x.com", 5)),
    *(("Email", text) for text in ("a@1.2.3.4", f"{'a' * 65}@x.com", f"a@{'b.' * 130}com", "a\n@x.com", '"a"@x.com')),
    *(("Domain", text) for text in ("localhost", "a_b.com", "a..com", "1.2.3.4", "x" * 64 + ".com", None)),
    *(("URL", text) for text in ("example.com", "ftp://x.com/", "http://", "http://a b/", "javascript:alert(1)", 5)),
    *(
        ("URL", text)
        for text in ("http://x.com:99999/", "http://a_b!/", "http://[::1", "http://x\\y/", "http://999.1.1.1/")
    ),
    *(
        ("PublicURL", text)
        for text in ("http://localhost/", "http://127.0.0.1/", "http://2130706433/", "http://[::1]/")
    ),
    *(
        ("PublicURL", text)
        for text in ("http://10.1.1.1/", "http://u@example.com/", "http://example.com:22/", "http://a.local/")
    ),
    *(("MAC", text) for text in ("02:42:ac:12:00", "02:42-ac:12:00:02", "0g:42:ac:12:00:02", None)),
    *(("Phone", text) for text in ("030 1234567", "+0123456789", "+1", "abc")),
    *(("Mobile", text) for text in ("12800138000", "1380013800", "+85 13800138000", None)),
    *(("VisibleText", text) for text in ("", "a b", "ä", "\x7f")),
    *(("IDCard", text) for text in ("110105194912310021", "11010519491331002X", "letters", 5)),
    *(("BankCard", text) for text in ("4111111111111112", "41111111x1111111")),
    ("CreditCode", "91350100M000100Y44"),
    ("IBAN", "DE88370400440532013000"),
    ("ISBN", "978-3-16-148410-1"),
    *(("UniqueID", text) for text in ("0199A4F0", "{0199a4f0-7c3e-7000-8000-0242ac120002}", 5)),
    *(("Date", text) for text in ("20261122", "2026-02-30", "2026-W47-7", "22.11.2026", 5)),
    *(("IPv4", text) for text in ("::1", "010.0.0.1", "10.0.0", 5)),
    ("IPv6", "10.0.0.1"),
    ("IPv4Net", "10.0.0.1/8"),
    ("IPv6Net", "10.0.0.0/8"),
    *(("JSONText", text) for text in ("{a: 1}", "[1,]", "NaN", 5)),
    *(("Base64", text) for text in ("a", "!!!!", 5)),
    *(("IntList", text) for text in ("1,,2", "1,x", 5)),
    ("StrList", [1]),
]


@pytest.mark.parametrize(("name", "given_", "expected"), GOOD)
def test_u9_what_it_is_meant_for_is_taken(name: str, given_: Any, expected: Any) -> None:
    assert TypeAdapter(getattr(field, name)).validate_python(given_) == expected


@pytest.mark.parametrize(("name", "given_"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)])
def test_u9_everything_else_is_refused_and_says_what_was_expected(name: str, given_: Any) -> None:
    with pytest.raises(ValidationError, match=r"Value error, expected"):
        TypeAdapter(getattr(field, name)).validate_python(given_)


@given(st.text())
def test_whatever_comes_is_taken_or_refused_and_nothing_else(text: str) -> None:
    for name in sorted(set(next(zip(*GOOD, strict=True)))):
        rule: Checked = getattr(field, name).__metadata__[0]

        try:
            taken = rule.parse(text)
        except ValueError as exc:
            assert str(exc)
        else:
            assert isinstance(taken, str | list | bytes | UUID | date | IPv4Address) or name == "JSONText"


def test_a_date_is_no_moment() -> None:
    with pytest.raises(BadValue, match="expected a day"):
        field.parse_date(datetime(2026, 11, 22))

    assert field.parse_date(date(2026, 11, 22)) == date(2026, 11, 22)


class Person(BaseModel):
    model_config = ConfigDict(frozen=True)
    email: field.Email
    born: field.Date
    tags: field.StrList = []
    address: field.IPv4 | None = None


def test_a_model_is_parsed_written_and_described() -> None:
    person = Person.model_validate({"email": "A@X.com", "born": "2000-01-02", "tags": "a,b", "address": "10.0.0.1"})
    assert person.model_dump_json() == '{"email":"A@x.com","born":"2000-01-02","tags":["a","b"],"address":"10.0.0.1"}'
    assert Person.model_validate_json(person.model_dump_json()) == person
    described = Person.model_json_schema()["properties"]
    assert described["email"] == {"format": "email", "title": "Email", "type": "string"}


async def test_parameters_bodies_and_forms_of_the_facade_take_them() -> None:
    app = App()

    @app.get("/sum")
    def total(numbers: Annotated[field.IntList, Query()], day: field.Date) -> dict[str, object]:
        return {"sum": sum(numbers), "day": day}

    @app.post("/people")
    def take(person: Person) -> Person:
        return person

    @app.post("/form")
    def take_form(email: Annotated[field.Email, Form()]) -> str:
        return email

    async with Client(app, engine="memory") as client:
        answer = await client.get("/sum?numbers=1,2&numbers=3&day=2026-11-22")
        assert (answer.status, answer.json()) == (200, {"sum": 6, "day": "2026-11-22"})
        answer = await client.get("/sum?numbers=1,x&day=no")
        assert answer.status == 422
        assert "expected" in answer.text
        answer = await client.post("/people", json={"email": "a@x.com", "born": "2000-01-02"})
        assert answer.json()["email"] == "a@x.com"
        answer = await client.post("/form", data={"email": "nobody"})
        assert answer.status == 422


@dataclasses.dataclass(frozen=True, slots=True)
class Contact:
    email: field.Email
    phone: field.Phone | None
    site: field.URL = "http://x.com/"

    def __post_init__(self) -> None:
        check_fields(self)


def test_a_dataclass_is_checked_where_it_is_made() -> None:
    assert Contact("A@X.com", None).email == "A@x.com"

    with pytest.raises(BadFields) as caught:
        Contact("nobody", "+49 30 1234567", "here")

    assert set(caught.value.problems) == {"email", "site"}
    assert str(caught.value).startswith("email: expected an address of mail like name@example.com, not 'nobody'; site:")


def test_a_form_is_parsed_and_all_that_is_wrong_is_told() -> None:
    types = {"email": field.Email, "numbers": field.IntList, "note": str}
    assert parse_fields(types, {"email": "a@X.com", "numbers": "1,2", "note": "n", "other": 1}) == {
        "email": "a@x.com",
        "numbers": [1, 2],
        "note": "n",
    }

    with pytest.raises(BadFields) as caught:
        parse_fields(types, {"email": "x", "numbers": "1"})

    assert caught.value.problems == {
        "email": "expected an address of mail like name@example.com, not 'x'",
        "note": "is missing",
    }


def test_u9_a_public_url_leads_to_no_private_host_in_any_spelling() -> None:
    for host in ("0x7f000001", "0177.0.0.1", "127.1", "[::ffff:10.0.0.1]", "169.254.169.254", "metadata.internal"):
        with pytest.raises(BadValue):
            parse_public_url(f"http://{host}/")


def test_types_cost_nothing_before_they_are_used() -> None:
    code = "import sys, hagworm.extend.field; print(sorted(set(sys.modules) & {'pydantic', 'uuid', 'msgspec'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
