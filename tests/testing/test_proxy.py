"""A proxy does to a connection what it was told, to nothing else, and the same again with the same seed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from hagworm.testing.proxy import CLEAN, FaultProxy, Faults, Flow
from hagworm.testing.virtual_time import run_virtual

TEXT = bytes(range(256)) * 40


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, until the client ends."""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    writer.close()


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)

    async with server:
        yield server.sockets[0].getsockname()[1]

    await asyncio.sleep(0)


async def talk(port: int, text: bytes = TEXT) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    try:
        writer.write(text)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_without_faults_it_is_not_there() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        assert await talk(proxy.port) == TEXT
        assert await talk(proxy.port, b"") == b""
        seen = proxy.statistics()

    assert (seen.accepted, seen.to_server, seen.to_client, seen.cut) == (2, len(TEXT), len(TEXT), 0)
    assert "open, seed 0" in repr(proxy)


def test_a_delay_is_added_to_what_is_on_its_way_and_not_once_per_piece() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()

        async with echo() as port, FaultProxy("127.0.0.1", port, to_server=Faults(delay=3.0)) as proxy:
            assert await talk(proxy.port) == TEXT
            proxy.to_client = Faults(delay=4.0)
            assert await talk(proxy.port) == TEXT

        return loop.time()

    assert run_virtual(main()) == pytest.approx(3 + 7, abs=0.5)


def test_a_rate_bounds_the_bytes_per_second() -> None:
    async def main() -> float:
        async with echo() as port, FaultProxy("127.0.0.1", port, to_client=Faults(rate=1024)) as proxy:
            await talk(proxy.port)

        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(len(TEXT) / 1024, rel=0.1)


async def test_a_cut_is_a_reset_after_so_many_bytes() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, to_server=Faults(cut_after=100)) as proxy:
        with pytest.raises(ConnectionResetError):
            await talk(proxy.port)

        assert proxy.statistics().to_server == 100
        assert proxy.statistics().cut == 1


async def test_a_truncated_stream_ends_without_an_error() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, to_client=Faults(close_after=100)) as proxy:
        assert await talk(proxy.port) == TEXT[:100]


def test_a_half_open_connection_says_nothing_to_anybody() -> None:
    async def main() -> bytes:
        async with echo() as port, FaultProxy("127.0.0.1", port, to_client=Faults(stall_after=100)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(TEXT)
            seen = await reader.readexactly(100)

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await reader.read(1)

            assert proxy.statistics().open == 1
            assert proxy.cut() == 1

            with pytest.raises(ConnectionResetError):
                await reader.read(1)

            writer.close()

        assert proxy.statistics().open == 0
        return seen

    assert run_virtual(main()) == TEXT[:100]


def test_what_is_stalled_goes_on_afterwards() -> None:
    async def main() -> None:
        async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
            proxy.stalled = True
            talking = asyncio.create_task(talk(proxy.port))
            await asyncio.sleep(1000)
            assert not talking.done()
            assert "stalled" in repr(proxy)

            proxy.stalled = False
            assert await talking == TEXT

    run_virtual(main())


async def test_new_connections_are_reset_while_it_refuses() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        proxy.refusing = True

        with pytest.raises(ConnectionResetError):
            await talk(proxy.port)

        proxy.refusing = False

        assert await talk(proxy.port) == TEXT
        assert proxy.statistics().refused == 1


async def test_a_server_that_is_not_there_is_a_reset() -> None:
    async with echo() as port:
        pass

    async with FaultProxy("127.0.0.1", port) as proxy:
        with pytest.raises(ConnectionResetError):
            await talk(proxy.port)


async def test_corruption_flips_bits_and_depends_on_the_seed_only() -> None:
    async def damaged(seed: int) -> bytes:
        async with echo() as port, FaultProxy("127.0.0.1", port, to_server=Faults(corrupt=0.01), seed=seed) as proxy:
            return await talk(proxy.port)

    first, again, other = await damaged(1), await damaged(1), await damaged(2)
    wrong = [mine ^ right for mine, right in zip(first, TEXT, strict=True) if mine != right]

    assert first == again != other
    assert 50 < len(wrong) < 200
    assert {bits.bit_count() for bits in wrong} == {1}


async def test_corruption_does_not_depend_on_how_the_stream_is_split() -> None:
    async with FaultProxy("127.0.0.1", 1, to_server=Faults(corrupt=0.05), seed="x") as proxy:
        whole, pieces = (Flow(proxy, None, "to_server", 0) for _ in range(2))  # type: ignore[arg-type]  # no peers
        expected, seen = whole.corrupt(TEXT), b""

        for start in range(0, len(TEXT), 77):
            piece = TEXT[start : start + 77]
            seen += pieces.corrupt(piece)
            pieces.passed += len(piece)

    assert seen == expected


def test_faults_that_no_network_has_are_refused() -> None:
    for wrong in ({"delay": -1.0}, {"corrupt": 2.0}, {"rate": 0.0}):
        with pytest.raises(ValueError, match="no network"):
            Faults(**wrong)

    assert CLEAN == Faults()


async def test_open_connections_end_with_the_proxy() -> None:
    async with echo() as port:
        async with FaultProxy("127.0.0.1", port) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"x")
            assert await reader.read(1) == b"x"

        with pytest.raises(ConnectionResetError):
            await reader.read(1)

        writer.close()
