"""One line per record, in one format, whoever wrote it."""

import io
import json
import logging
import os
import subprocess
import sys

import pytest

from hagworm.extend.error import ConfigError
from hagworm.extend.logging import LineHandler, configure, one_line


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_text_line_holds_time_process_level_name_and_message(stream: io.StringIO) -> None:
    configure("info", "text", stream=stream)
    logging.getLogger("orders").warning("%d left", 3)

    date, clock, *rest = stream.getvalue().split(" ", 5)
    assert (len(date), len(clock)) == (10, 12)
    assert rest == [f"[{os.getpid()}]", "WARNING", "orders:", "3 left\n"]


def test_a_json_line_holds_the_extra_fields_too(stream: io.StringIO) -> None:
    configure("info", "json", stream=stream)
    logging.getLogger("orders").info("paid", extra={"order": 7})
    line = json.loads(stream.getvalue())

    assert line.pop("time").endswith("Z")
    assert line == {"pid": os.getpid(), "level": "info", "logger": "orders", "message": "paid", "order": 7}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "evil", ["a\nb", "a\r\n2026-01-01 ERROR root: b", "\x1b[31mred", "nul\x00", "\u2028", "\x85", "\x7f"]
)
def test_no_message_can_forge_a_record(stream: io.StringIO, form: str, evil: str) -> None:
    configure("info", form, stream=stream)
    logging.getLogger("orders").info("said %s", evil)
    written = stream.getvalue()

    assert len(written.splitlines()) == 1
    assert written[:-1].isprintable()


def test_no_exception_can_forge_a_record(stream: io.StringIO) -> None:
    configure("info", "text", stream=stream)

    try:
        raise ValueError("first\n2026-01-01 00:00:00.000 [1] ERROR hagworm: forged\x1b[2J")
    except ValueError:
        logging.getLogger("orders").exception("failed")

    first, *others = stream.getvalue().splitlines()
    assert first.endswith("ERROR orders: failed")
    assert others and all(line.startswith("  | ") and line.isprintable() for line in others)


def test_servers_speak_through_the_root(stream: io.StringIO) -> None:
    noisy = logging.getLogger("uvicorn.error")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    noisy.propagate = False
    configure("info", "text", stream=stream)
    noisy.info("hello")

    assert stream.getvalue().endswith("INFO uvicorn.error: hello\n")
    assert noisy.handlers == []


def test_l2_many_configurations_leave_one_handler() -> None:
    for form in ("text", "json", "text"):
        configure("info", form, stream=io.StringIO())

    assert [type(handler) for handler in logging.getLogger().handlers] == [LineHandler]


@pytest.mark.parametrize("form", ["text", "json", "plain", "colour", "syslog", "journald", "rich"])
def test_l2_a_level_nobody_has_named_is_written(stream: io.StringIO, form: str) -> None:
    """It shows as the known level below it, and no call to a logger fails for it."""
    configure("info", form, stream=stream)
    logging.getLogger("orders").log(25, "between")
    logging.getLogger("orders").log(7, "below")
    written = stream.getvalue()

    assert "between" in written and "Level 25" not in written and "below" not in written

    if form in ("text", "plain"):
        assert "INFO orders: between\n" in written


def test_l3_a_level_without_a_file_is_in_force(stream: io.StringIO) -> None:
    configure("error", "text", stream=stream)
    logging.getLogger("orders").warning("not this")

    assert logging.getLogger().level == logging.ERROR
    assert stream.getvalue() == ""


def test_l6_nothing_but_the_standard_library_is_needed() -> None:
    code = (
        "import sys; from hagworm.extend.logging import configure; import logging; configure('info', 'json'); "
        "logging.info('x'); tops = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(tops - sys.stdlib_module_names - {'hagworm', '__main__'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=30)

    assert json.loads(done.stderr)["message"] == "x"
    assert [name for name in eval(done.stdout) if not name.startswith(("_", "sitecustomize"))] == []


def test_a_second_configuration_replaces_the_first(stream: io.StringIO) -> None:
    configure("info", "text", stream=io.StringIO())
    configure("error", "json", stream=stream)
    logging.getLogger("orders").warning("not this")
    logging.getLogger("orders").error("this")

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["this"]


@pytest.mark.parametrize(("level", "form"), [("loud", "text"), ("info", "xml")])
def test_what_is_not_known_is_refused(level: str, form: str) -> None:
    before = [*logging.getLogger().handlers]

    with pytest.raises(ConfigError, match="unknown log"):
        configure(level, form)

    assert logging.getLogger().handlers == before


def test_kept_lines_come_before_the_next_record(stream: io.StringIO) -> None:
    handler = configure("info", "text", stream=stream)

    assert [handler.keep("one"), handler.keep("two")] == [True, False]
    assert stream.getvalue() == ""
    logging.getLogger("orders").info("three")
    assert [line[-5:] for line in stream.getvalue().splitlines()] == ["one", "two", "three"]
    assert handler.keep("four"), "who keeps the first line after a flush owes the next one"
    handler.flush()
    assert stream.getvalue().endswith("\nfour\n")


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_stream_that_takes_nothing_costs_lines_and_nothing_else() -> None:
    handler = LineHandler(Full())
    handler.keep("gone")
    handler.flush()

    assert handler.lost == 1


def test_kept_lines_are_written_when_the_process_ends() -> None:
    code = "from hagworm.extend.logging import configure; configure().keep('the last line')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert done.stderr == "the last line\n"


def test_importing_changes_nothing() -> None:
    code = (
        "import logging, hagworm.extend.logging, hagworm.facade.access, hagworm.facade.serving; "
        "root = logging.getLogger(); print(root.handlers, root.level, logging.getLogger('hagworm').handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert done.stdout == "[] 30 []\n"


def test_plain_text_is_left_as_it_is() -> None:
    text = "Größe: 5 €, ok\tdone"

    assert one_line(text) == text
