"""One question, one answer: what does not answer it changes nothing, and what must not be believed is an error."""

import asyncio
import time
from pathlib import Path

import pytest

from hagworm.extend.asyncio.ntp.client import NTPClient, read_server
from hagworm.extend.error import DeadlineExceeded, KissOfDeath, NTPError, NTPReplyError
from hagworm.extend.ntp.timestamp import NANO
from hagworm.testing import cancel_sweep
from tests.chrony_server import CHRONYD, run_chrony
from tests.ntp_server import Conduct, run_rogue

HOST = "127.0.0.1"


@pytest.mark.skipif(CHRONYD is None, reason="chronyd is not installed: apt-get install chrony")
async def test_a_real_server_tells_the_time(tmp_path: Path) -> None:
    """It is on this machine, so its clock is ours: the offset is 0, give or take what the sample says."""
    with run_chrony(tmp_path) as port:
        client = NTPClient(HOST, port)
        sample = await client.sample(4, spacing=0.01)

    assert abs(sample.offset) <= sample.distance(sample.moment_ns)
    assert sample.distance(sample.moment_ns) < 0.1
    assert (sample.stratum, sample.leap) == (8, 0)
    assert client.statistics().answers == 4
    assert repr(client) == f"<NTPClient {HOST}:{port}, 4 answers of 4 requests>"


async def test_the_offset_is_measured_against_the_given_clock() -> None:
    async with run_rogue(time.time_ns) as server:
        client = NTPClient(HOST, server.port, local_ns=lambda: time.time_ns() - 5 * NANO)
        sample = await client.query()

    assert sample.offset == pytest.approx(5.0, abs=sample.distance(sample.moment_ns) + 1e-3)


@pytest.mark.parametrize(
    "conduct",
    [
        Conduct(silent=True),
        Conduct(origin="zero"),
        Conduct(origin="wrong"),
        Conduct(origin="replayed"),
        Conduct(origin="wrong", kiss="DENY"),
        Conduct(other_port=True),
        Conduct(size=20),
        Conduct(size=1),
    ],
    ids=str,
)
async def test_x17_what_does_not_answer_the_question_changes_nothing(conduct: Conduct) -> None:
    async with run_rogue(time.time_ns, conduct) as server:
        client = NTPClient(HOST, server.port, timeout=0.05)

        with pytest.raises(DeadlineExceeded):
            await client.query()

    assert client.statistics().timeouts == 1
    assert client.statistics().answers == 0
    assert client.statistics().ignored == (not conduct.silent and not conduct.other_port)


@pytest.mark.parametrize(
    ("conduct", "why"),
    [
        (Conduct(leap=3), "leap indicator"),
        (Conduct(stratum=16), "stratum 16"),
        (Conduct(mode=1), "mode"),
        (Conduct(timeless=True), "does not say when"),
        (Conduct(backwards=True), "before it was asked"),
        (Conduct(size=50), "whole words"),
        (Conduct(size=1200), "48 to 1024 bytes"),
    ],
    ids=str,
)
async def test_x17_an_answer_of_no_use_is_an_error_at_once(conduct: Conduct, why: str) -> None:
    async with run_rogue(time.time_ns, conduct) as server:
        client = NTPClient(HOST, server.port)

        with pytest.raises(NTPReplyError, match=why):
            await client.query()

    assert client.statistics().refused == 1


async def test_x17_a_kiss_of_death_is_an_error_of_its_own() -> None:
    async with run_rogue(time.time_ns, Conduct(kiss="RATE", poll=7)) as server:
        client = NTPClient(HOST, server.port)

        with pytest.raises(KissOfDeath) as caught:
            await client.sample(3, spacing=0)

        assert server.requests == 1, "not asked again"

    assert (caught.value.kiss, caught.value.poll) == ("RATE", 128.0)
    assert client.statistics().kisses == 1


async def test_x17_forged_packets_before_the_answer_change_nothing() -> None:
    async with run_rogue(time.time_ns, Conduct(forged=1000)) as server:
        client = NTPClient(HOST, server.port)
        sample = await client.query()

    assert abs(sample.offset) <= sample.distance(sample.moment_ns)
    assert client.statistics().ignored > 0


async def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    async with run_rogue(time.time_ns) as server:
        port = server.port

    client = NTPClient(HOST, port)

    with pytest.raises(NTPError, match=f"{HOST}:{port} cannot be asked"):
        await client.query()


async def test_the_name_of_a_server_is_looked_up() -> None:
    async with run_rogue(time.time_ns) as server:
        client = NTPClient("localhost", server.port)

        for _ in range(3):  # ::1, where nobody listens, may come first
            try:
                await client.query()
            except NTPError:
                continue

        assert client.statistics().answers

    with pytest.raises(NTPError, match="cannot be asked"):
        await NTPClient("no-such-host.invalid").query()


async def test_several_measurements_give_the_best_and_leave_failures_out() -> None:
    async with run_rogue(time.time_ns, Conduct(lag=0.03)) as server:
        client = NTPClient(HOST, server.port, timeout=1.0)
        slow = await client.query()
        server.behave(stratum=16, lag=0.0)
        measurement = asyncio.create_task(client.sample(3, spacing=0.02))

        while client.refused == 0:
            await asyncio.sleep(0)

        server.behave(stratum=2)
        best = await measurement

    assert best.delay < slow.delay
    assert client.statistics().refused >= 1


async def test_where_all_measurements_fail_the_last_error_is_raised() -> None:
    async with run_rogue(time.time_ns, Conduct(stratum=16)) as server:
        with pytest.raises(NTPReplyError, match="stratum 16"):
            await NTPClient(HOST, server.port).sample(2, spacing=0)


async def test_a_cancelled_question_leaves_nothing_behind() -> None:
    async with run_rogue(time.time_ns) as server:
        client = NTPClient(HOST, server.port)
        sweep = await cancel_sweep(client.query)
        await cancel_sweep(lambda: client.sample(2, spacing=0))

    assert sweep.suspensions >= 1


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ntp.example.com", "ntp.example.com", 123),
        ("ntp.example.com:1123", "ntp.example.com", 1123),
        ("192.0.2.1:124", "192.0.2.1", 124),
        ("2001:db8::1", "2001:db8::1", 123),
        ("[2001:db8::1]", "2001:db8::1", 123),
        ("[2001:db8::1]:125", "2001:db8::1", 125),
    ],
)
def test_a_server_is_read_and_written_alike(text: str, host: str, port: int) -> None:
    assert read_server(text) == (host, port)
    assert read_server(NTPClient(host, port).server) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":123", "a:", "a:0", "a:65536", "a:x", "a:-1", "a:9999999", "[::1", "[::1]x", "a:²"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    if text == "a:":
        assert read_server(text) == ("a", 123)
    else:
        with pytest.raises(ValueError, match="server|address"):
            read_server(text)


@pytest.mark.parametrize("wrong", [{"host": ""}, {"port": 0}, {"port": 70000}, {"version": 2}, {"timeout": 0}], ids=str)
def test_options_make_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="server|version|timeout"):
        NTPClient(**{"host": "a", **wrong})  # type: ignore[arg-type]  # wrong on purpose


async def test_a_measurement_takes_at_least_one_request() -> None:
    with pytest.raises(ValueError, match="not 0"):
        await NTPClient("a").sample(0)
