"""Listening sockets: errors say what to do, and nobody who has connected is forgotten."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hagworm.extend.error import PortInUse
from hagworm.facade.serving.sockets import (
    accept_waiting,
    bind_tcp,
    bind_unix,
    close_all,
    refuse_newcomers,
    remove_files,
    url_of,
)


@pytest.fixture
def bound() -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    close_all(sockets)


def test_port_zero_takes_a_free_one_on_every_address(bound: list[socket.socket]) -> None:
    bound += bind_tcp("", 0)
    ports = {sock.getsockname()[1] for sock in bound}

    assert len(ports) == 1 and ports != {0}
    assert {sock.family for sock in bound} == {socket.AF_INET, socket.AF_INET6}


@pytest.mark.parametrize(("host", "begin"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_url_is_what_a_client_needs(bound: list[socket.socket], host: str, begin: str) -> None:
    bound += bind_tcp(host, 0)

    assert url_of(bound[0]) == f"{begin}{bound[0].getsockname()[1]}"
    assert bound[0].getblocking() is False


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_told_with_address_and_remedy(bound: list[socket.socket], host: str) -> None:
    bound += bind_tcp(host, 0)
    port = bound[0].getsockname()[1]

    with pytest.raises(PortInUse, match=rf"{port}: another process listens there .*--port.*HAGWORM_SERVER__PORT"):
        bind_tcp(host, port)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", "this machine has no such address"), ("nowhere.invalid", "the host is not known")],
)
def test_an_address_that_is_not_ours_is_told(host: str, reason: str) -> None:
    with pytest.raises(PortInUse, match=f"{host}:8000: {reason}"):
        bind_tcp(host, 8000)


def test_a_port_is_free_again_at_once(bound: list[socket.socket]) -> None:
    (first,) = bind_tcp("127.0.0.1", 0)
    port = first.getsockname()[1]

    with socket.create_connection(("127.0.0.1", port)), closing(first.accept()[0]):
        first.close()

    bound += bind_tcp("127.0.0.1", port)
    assert url_of(bound[0]).endswith(str(port))


def test_a_unix_socket_serves_everybody_and_its_file_goes(tmp_path: Path, bound: list[socket.socket]) -> None:
    path = tmp_path / "orders.sock"
    bound += bind_unix(str(path))

    assert path.stat().st_mode & 0o777 == 0o666
    assert url_of(bound[0]) == f"unix:{path}"
    remove_files(bound)
    assert not path.exists()
    remove_files(bound)


def test_a_stale_unix_socket_is_replaced(tmp_path: Path, bound: list[socket.socket]) -> None:
    path = tmp_path / "orders.sock"
    close_all(bind_unix(str(path)))
    assert path.exists()
    bound += bind_unix(str(path))

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_unix_socket_that_is_listened_on_is_left_alone(tmp_path: Path, bound: list[socket.socket]) -> None:
    path = tmp_path / "orders.sock"
    bound += bind_unix(str(path))

    with pytest.raises(PortInUse, match="another process listens there already"):
        bind_unix(str(path))

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "orders.sock"
    path.write_text("precious")

    with pytest.raises(PortInUse, match="is not a socket; remove it"):
        bind_unix(str(path))

    assert path.read_text() == "precious"


@pytest.mark.parametrize("path", ["/nowhere/at/all.sock", "x" * 200])
def test_a_path_that_cannot_be_had_is_told(path: str) -> None:
    with pytest.raises(PortInUse, match="cannot listen on unix:"):
        bind_unix(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_newcomers_are_kept_out_and_those_who_are_in_stay(bound: list[socket.socket], host: str) -> None:
    bound += bind_tcp(host, 0)
    address = bound[0].getsockname()

    with socket.create_connection(address[:2]) as early, socket.socket(bound[0].family) as late:
        refuse_newcomers(bound)
        late.setblocking(False)
        assert late.connect_ex(address) != 0
        peer, _ = bound[0].accept()

        with peer:
            early.sendall(b"still here")
            peer.settimeout(5)
            assert peer.recv(10) == b"still here"

        with pytest.raises(BlockingIOError):
            bound[0].accept()


async def test_waiting_ends_when_the_queue_is_empty(bound: list[socket.socket]) -> None:
    bound += bind_tcp("127.0.0.1", 0)
    clients = [socket.create_connection(bound[0].getsockname()) for _ in range(20)]
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: accepted.append(writer), sock=bound[0])

    async with server:
        await accept_waiting(bound, 5)

        for _ in range(10):
            await asyncio.sleep(0)

        assert len(accepted) == len(clients)

    close_all(clients)

    for writer in accepted:
        writer.close()
        await writer.wait_closed()


async def test_waiting_for_a_queue_that_nobody_serves_ends_in_time(bound: list[socket.socket]) -> None:
    bound += bind_tcp("127.0.0.1", 0)

    with socket.create_connection(bound[0].getsockname()):
        async with asyncio.timeout(5):
            await accept_waiting(bound, 0.01)


def test_the_file_of_another_process_is_never_removed(tmp_path: Path, bound: list[socket.socket]) -> None:
    path = str(tmp_path / "orders.sock")
    (first,) = bind_unix(path)
    remove_files([first])
    first.close()
    bound += bind_unix(path)
    remove_files([first])

    assert os.path.exists(path)
