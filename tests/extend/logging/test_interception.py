"""loguru, the standard library and the servers, in one log, with the caller who spoke."""

import io
import json
import logging
import logging.config
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger as loguru

from hagworm.extend.logging import bind, configure, gunicorn_logging, uvicorn_logging
from hagworm.extend.logging.interception import LoguruHandler, intercept_loguru, take_over, take_warnings


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(autouse=True)
def loguru_as_it_was() -> Iterator[None]:
    yield
    loguru.remove()


def test_l2_loguru_speaks_with_its_own_caller_level_and_fields(stream: io.StringIO) -> None:
    records: list[logging.LogRecord] = []
    handler = configure("debug", "json", stream=stream)
    handler.addFilter(lambda record: records.append(record) or True)
    end = intercept_loguru()
    loguru.bind(order=7).success("paid {} of 100%", 3)
    end()
    loguru.info("nobody hears this")
    (line,) = stream.getvalue().splitlines()
    fields = json.loads(line)

    assert (fields["level"], fields["message"], fields["order"]) == ("success", "paid 3 of 100%", 7)
    assert (records[0].pathname, records[0].funcName) == (
        __file__,
        "test_l2_loguru_speaks_with_its_own_caller_level_and_fields",
    )
    assert records[0].levelno == 25


def test_l2_loguru_is_intercepted_once_however_often_it_is_asked_for(stream: io.StringIO) -> None:
    configure("info", "text", stream=stream)
    intercept_loguru()
    intercept_loguru()
    loguru.info("once")

    assert len(stream.getvalue().splitlines()) == 1


def test_exceptions_of_loguru_keep_their_traceback(stream: io.StringIO) -> None:
    configure("info", "text", stream=stream)
    intercept_loguru()

    try:
        raise ValueError("why")
    except ValueError:
        loguru.exception("failed")

    assert "ERROR" in stream.getvalue() and "  | ValueError: why" in stream.getvalue()


def test_levels_of_the_standard_library_hold_for_loguru(stream: io.StringIO) -> None:
    configure("error", "text", stream=stream)
    intercept_loguru()
    loguru.warning("not this")

    assert stream.getvalue() == ""


def outer(log: logging.Logger, level: int) -> None:
    log.log(level, "said {here} %s", "so")


@pytest.mark.parametrize("level", [logging.INFO, 25, 7, 33])
def test_l2_the_standard_library_speaks_to_loguru_at_any_level_with_the_real_caller(level: int) -> None:
    said: list[dict[str, object]] = []
    loguru.remove()
    loguru.add(lambda message: said.append(message.record), level=0)
    log = logging.Logger("orders")
    log.addHandler(LoguruHandler())
    outer(log, level)

    assert said[0]["message"] == "said {here} so"
    assert (said[0]["function"], said[0]["level"].no) == ("outer", level)  # type: ignore[attr-defined]  # loguru's own


def test_loggers_of_others_are_taken_over(stream: io.StringIO) -> None:
    noisy = logging.getLogger("others.deep.down")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    noisy.propagate = False
    configure("info", "text", stream=stream)
    take_over("others")
    noisy.info("hello")

    assert stream.getvalue().endswith("INFO others.deep.down: hello\n")


def test_warnings_are_records(stream: io.StringIO) -> None:
    configure("info", "text", stream=stream)
    take_warnings()

    try:
        warnings.showwarning(UserWarning("old"), UserWarning, __file__, 1)
    finally:
        take_warnings(False)

    assert "WARNING py.warnings:" in stream.getvalue() and "UserWarning: old" in stream.getvalue()


@pytest.mark.parametrize("access", [True, False])
@pytest.mark.parametrize("make", [gunicorn_logging, uvicorn_logging])
def test_one_dictionary_configures_a_server(make: Any, access: bool, tmp_path: Path) -> None:
    path = tmp_path / "all.log"
    name = make.__name__
    code = f"""
import logging, logging.config
from hagworm.extend.logging import LogSettings, {name}
settings = LogSettings(to={str(path)!r}, format="json", levels={{"orders": "error"}})
logging.config.dictConfig({name}(settings, access={access}))
logging.getLogger("uvicorn.error").info("started")
logging.getLogger("uvicorn.access").info("GET /")
logging.getLogger("orders").warning("no")
logging.getLogger("business").info("yes")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line)["message"] for line in path.read_text().splitlines()]

    assert said == (["started", "GET /", "yes"] if access else ["started", "yes"])


def test_our_fields_reach_what_servers_say(stream: io.StringIO) -> None:
    configure("info", "json", stream=stream)

    with bind(trace_id="ab"):
        logging.getLogger("tornado.general").warning("slow")

    assert json.loads(stream.getvalue())["trace_id"] == "ab"


def test_gunicorn_takes_the_dictionary(tmp_path: Path) -> None:
    """gunicorn's own logger applies it, and its lines are in our file."""
    path = tmp_path / "all.log"
    code = f"""
from gunicorn.config import Config
from gunicorn.glogging import Logger
from hagworm.extend.logging import LogSettings, gunicorn_logging
cfg = Config()
cfg.set("logconfig_dict", gunicorn_logging(LogSettings(to={str(path)!r})))
log = Logger(cfg)
log.info("Booting %s", "x")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert done.returncode == 0, done.stderr
    assert path.read_text().endswith("INFO gunicorn.error: Booting x\n") and done.stderr == ""
