"""A trace goes on where a header can be believed, and begins anew where it cannot."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import TraceError
from hagworm.extend.trace import TraceContext, continue_trace, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def hexadecimal(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=size, max_size=size).filter(lambda text: text.strip("0") != "")


@given(hexadecimal(32), hexadecimal(16), st.integers(0, 1))
def test_what_is_written_is_read_again(trace: str, span: str, flags: int) -> None:
    context = TraceContext(trace, span, flags)

    assert parse_traceparent(context.traceparent) == context


@pytest.mark.parametrize("header", [GOOD, f" {GOOD}\t", f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes"])
def test_headers_of_the_standard_are_read(header: str) -> None:
    context = parse_traceparent(header)

    assert (context.trace_id, context.span_id, context.is_sampled) == (TRACE, SPAN, True)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x" * 5000,
        GOOD.upper(),
        GOOD + "-more",
        GOOD[:-1],
        f"cc-{TRACE}-{SPAN}-01.what",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        GOOD + "\n",
    ],
)
def test_s9_what_a_client_makes_up_begins_a_new_trace(header: str) -> None:
    with pytest.raises(TraceError):
        parse_traceparent(header)

    begun = continue_trace(header)
    assert re.fullmatch("[0-9a-f]{32}", begun.trace_id) and begun.trace_id != TRACE


def test_an_error_names_a_piece_of_the_header_only() -> None:
    with pytest.raises(TraceError) as caught:
        parse_traceparent("x" * 5000)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("rojo=1,congo=2", "rojo=1,congo=2"),
        (" rojo=1 ,, congo=2", "rojo=1,congo=2"),
        ("tenant@vendor=x", "tenant@vendor=x"),
        ("", ""),
        ("rojo=1,rojo=2", ""),
        ("Rojo=1", ""),
        ("rojo", ""),
        ("rojo=\x01", ""),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        ("k=" + "x" * 600, ""),
    ],
)
def test_a_tracestate_is_passed_on_whole_or_not_at_all(state: str, kept: str) -> None:
    assert parse_traceparent(GOOD, state).state == kept


def test_a_child_stays_in_its_trace() -> None:
    parent = parse_traceparent(GOOD, "rojo=1")
    child = parent.child()

    assert (child.trace_id, child.state, child.flags) == (parent.trace_id, "rojo=1", parent.flags)
    assert child.span_id != parent.span_id
