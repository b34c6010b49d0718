"""Each format says the same in its own words, in one record that is never too long."""

import io
import json
import logging
import re
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import ConfigError
from hagworm.extend.logging import LogSettings, bind, configure, open_handler
from hagworm.extend.logging.configuration import FORMATS, make_formatter
from hagworm.extend.logging.journald import JournaldFormatter, JournaldSink
from hagworm.extend.logging.record import LeanRecord, use_lean_records
from hagworm.extend.logging.syslog import SyslogFormatter, SyslogSink, severity
from hagworm.extend.logging.text import shorten


def record(message: str = "paid", level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("orders", level, __file__, 7, message, (), None, "pay")
    vars(made).update(fields)
    return made


def failed() -> logging.LogRecord:
    try:
        raise ValueError("first\nsecond")
    except ValueError as exc:
        made = record("failed", logging.ERROR)
        made.exc_info = (type(exc), exc, exc.__traceback__)
        return made


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_logger_level_and_message(form: str) -> None:
    stream = io.StringIO()
    configure("info", form, stream=stream)
    logging.getLogger("orders").warning("%d left", 3)
    written = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())

    assert "orders" in written and "3 left" in written
    assert re.search("warning|<12>1|PRIORITY=4", written, re.IGNORECASE)


@given(message=st.text(max_size=20_000), field=st.text(max_size=5000))
@pytest.mark.parametrize("form", ["text", "json", "plain", "syslog", "colour"])
def test_r11_a_record_is_one_line_of_8_kib_at_most(form: str, message: str, field: str) -> None:
    with bind(field=field):
        line = make_formatter(form).format(record(message))

    encoded = line.encode("utf-8", "backslashreplace")
    assert len(encoded) <= 8192 and len(line.splitlines()) == 1

    if form == "json":
        assert isinstance(json.loads(line)["message"], str)


@pytest.mark.parametrize("form", ["text", "json", "syslog", "journald"])
def test_r11_a_traceback_does_not_make_a_record_longer(form: str) -> None:
    made = failed()
    made.exc_text = "\n".join(f"line {number} " + "é" * 300 for number in range(2000)) + "\nError: the end"
    made.msg = "x" * 100_000
    line = make_formatter(form).format(made)

    assert len(line.encode("utf-8", "surrogateescape")) <= (8192 if form != "journald" else 9000)
    assert "Error: the end" in line, "the end of a traceback is kept"


@given(st.text(max_size=400), st.integers(80, 300))
def test_what_is_shortened_fits_and_keeps_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)

    assert len(short.encode("utf-8", "replace")) <= limit
    assert short == text or (short[:5] == text[:5] and short[-3:] == text[-3:])


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown log format 'jsn' \(did you mean 'json'\?\)"):
        make_formatter("jsn")


# syslog ---------------------------------------------------------------------------------------------------------------


def test_syslog_is_rfc_5424() -> None:
    with bind(order=7, name='A"]\\'):
        line = SyslogFormatter(app="orders app").format(record("paid\nforged"))

    match = re.fullmatch(
        r"<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ orders_app \d+ orders (\[.*\]) paid\\nforged", line
    )
    assert match is not None
    assert match[1] == r'[fields@32473 order="7" name="A\"\]\\"]'


@pytest.mark.parametrize(("level", "expected"), [(60, 2), (50, 2), (40, 3), (30, 4), (25, 5), (20, 6), (10, 7), (1, 7)])
def test_l2_every_level_has_a_severity(level: int, expected: int) -> None:
    assert severity(level) == expected


def received(sock: socket.socket, count: int) -> list[bytes]:
    sock.settimeout(10)
    return [sock.recv(65536) for _ in range(count)]


def test_syslog_goes_to_a_server_by_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        handler = open_handler(LogSettings(to=f"syslog://127.0.0.1:{server.getsockname()[1]}"))
        handler.handle(record("one"))
        handler.handle(record("two"))
        handler.close()
        first, second = received(server, 2)

    assert first.endswith(b" one") and second.endswith(b" two") and first.startswith(b"<14>1 ")


def test_syslog_goes_to_a_local_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        sink = SyslogSink(f"syslog://{tmp_path / 'log'}")
        assert sink.write(["one"]) == 1
        sink.close()
        assert received(server, 1) == [b"one"]


def test_l5_nobody_at_the_other_end_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        SyslogSink(f"syslog://{tmp_path / 'log'}").write(["one"])

    with pytest.raises(OSError, match="No such file"):
        JournaldSink(str(tmp_path / "journal")).write(["one"])


@pytest.mark.parametrize("to", ["syslog://", "syslog://host:port", "kafka://host"])
def test_addresses_that_are_none_are_refused(to: str) -> None:
    with pytest.raises(ConfigError, match="syslog://host:port"):
        open_handler(LogSettings(to=to))


# journald -------------------------------------------------------------------------------------------------------------


def fields_of(datagram: bytes) -> dict[str, str]:
    """Read the native protocol as journald does."""
    fields = {}

    while datagram:
        line, _, rest = datagram.partition(b"\n")

        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, size = line, int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[9 + size :]

        fields[name.decode()] = value.decode()
        datagram = rest

    return fields


def test_journald_gets_every_field_and_whole_tracebacks(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "journal"))
        sink = JournaldSink(str(tmp_path / "journal"))
        formatter = JournaldFormatter(app="orders")

        with bind(order=7, message="mine", _secret_token="x"):
            line = formatter.format(failed())

        sink.write([line])
        sink.close()
        fields = fields_of(received(server, 1)[0])

    assert fields["MESSAGE"].startswith("failed\nTraceback") and fields["MESSAGE"].endswith("first\nsecond")
    assert (fields["PRIORITY"], fields["LOGGER"], fields["CODE_LINE"], fields["ORDER"]) == ("3", "orders", "7", "7")
    assert (fields["F_MESSAGE"], fields["SECRET_TOKEN"]) == ("mine", "********")


def test_a_record_too_large_for_a_datagram_goes_by_a_sealed_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "journal"))
        sink = JournaldSink(str(tmp_path / "journal"))
        assert sink.write(["MESSAGE=" + "x" * 1_000_000 + "\n"]) == 1
        sink.close()
        _, descriptors, _, _ = socket.recv_fds(server, 10, 1)

        with open(descriptors[0], "rb") as file:
            file.seek(0)
            assert len(file.read()) == 1_000_009


# Records --------------------------------------------------------------------------------------------------------------


def test_a_lean_record_holds_what_the_standard_one_does() -> None:
    assert use_lean_records()
    args = ("orders", 25, "/a/b/pay.py", 7, "%(a)d", ({"a": 1},), None, "pay", None)
    lean, usual = LeanRecord(*args), logging.LogRecord(*args)
    moving = {"created", "msecs", "relativeCreated"}

    assert {k: v for k, v in vars(lean).items() if k not in moving} == {
        k: v for k, v in vars(usual).items() if k not in moving
    }
    assert abs(lean.relativeCreated - usual.relativeCreated) < 1000
    assert lean.getMessage() == "1"


def test_a_record_knows_the_thread_it_was_made_in() -> None:
    names: list[str | None] = []
    thread = threading.Thread(
        target=lambda: names.append(LeanRecord("a", 20, "b", 1, "", (), None).threadName), name="worker"
    )
    thread.start()
    thread.join()
    assert names == ["worker"]


def test_a_factory_of_the_program_is_left_alone() -> None:
    class Own(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Own)
    assert not use_lean_records()
    assert logging.getLogRecordFactory() is Own
