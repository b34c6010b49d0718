"""TLS believes only whom it is told to believe, and says whom it did not."""

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hagworm.extend.asyncio.net.client import HTTPClient
from hagworm.extend.asyncio.net.tls import check_context, pin_of, server_context, tls_context
from hagworm.extend.config.secret import Secret
from hagworm.extend.error import ConnectFailed, ConnectionLost, Untrusted
from hagworm.extend.static import static_file
from tests.extend.asyncio.net.certificates import PASSWORD, certificates
from tests.extend.asyncio.net.test_client import hello
from tests.extend.asyncio.net.web import serve

OTHER_PIN = "sha256/" + "A" * 43 + "="


@pytest.mark.parametrize("roots", ["system", "certifi"])
async def test_b7_a_stranger_is_not_believed(roots: str) -> None:
    files = certificates()

    async with serve(hello, tls=server_context(files.server)) as server:
        async with HTTPClient(server.url, tls=tls_context(roots)) as client:
            with pytest.raises(Untrusted, match="verify") as caught:
                await client.get("/")

            assert not caught.value.retryable and client.statistics().sent == 1


async def test_b7_without_a_word_about_tls_certificates_are_verified() -> None:
    async with serve(hello, tls=server_context(certificates().server)) as server:
        async with HTTPClient(server.url) as client:
            with pytest.raises(Untrusted):
                await client.get("/")


async def test_who_is_vouched_for_is_believed() -> None:
    files = certificates()

    async with serve(hello, tls=server_context(files.server)) as server:
        async with HTTPClient(server.url, tls=tls_context(files.authority)) as client:
            assert (await client.get("/")).text() == "hello"


@pytest.mark.parametrize("name", ["elsewhere", "expired"])
async def test_a_certificate_for_another_host_or_another_time_is_not_believed(name: str) -> None:
    files = certificates()

    async with serve(hello, tls=server_context(getattr(files, name))) as server:
        async with HTTPClient(server.url, tls=tls_context(files.authority)) as client:
            with pytest.raises(Untrusted):
                await client.get("/")


async def test_a_key_that_is_pinned_is_the_only_one_that_is_believed() -> None:
    files = certificates()
    pins = [OTHER_PIN, pin_of(files.server_der)]

    async with serve(hello, tls=server_context(files.server)) as server:
        async with HTTPClient(server.url, tls=tls_context(files.authority, pins=pins)) as client:
            assert (await client.get("/")).status == 200

        async with HTTPClient(server.url, tls=tls_context(files.authority, pins=[OTHER_PIN])) as client:
            with pytest.raises(Untrusted, match=f"{pins[1][:20]}.*none of the pins".replace("+", ".")):
                await client.get("/")


def test_pins_hold_for_sockets_that_block_as_well() -> None:
    files = certificates()
    context = server_context(files.server)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()

            with suppress(OSError), context.wrap_socket(connection, server_side=True) as talking:
                talking.recv(1)

        thread = threading.Thread(target=accept)
        thread.start()

        with socket.create_connection(listener.getsockname()) as connection:
            with pytest.raises(ssl.SSLCertVerificationError, match="none of the pins"):
                tls_context(files.authority, pins=[OTHER_PIN]).wrap_socket(connection, server_hostname="localhost")

        thread.join()


async def test_a_client_shows_its_own_certificate_where_that_is_asked_for() -> None:
    files = certificates()
    context = server_context(files.server, client_roots=files.authority)

    async with serve(hello, tls=context) as server:
        mine = tls_context(files.authority, certificate=files.client, password=Secret(PASSWORD))

        async with HTTPClient(server.url, tls=mine) as client:
            assert (await client.get("/")).status == 200

        async with HTTPClient(server.url, tls=tls_context(files.authority), retry=None) as client:
            with pytest.raises((ConnectionLost, ConnectFailed)):
                await client.get("/")

        await asyncio.sleep(0)


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_a_key_is_not_opened_with_the_wrong_password_and_nobody_is_asked_for_it(password: str | None) -> None:
    with pytest.raises(ssl.SSLError):
        tls_context(certificate=certificates().client, password=password)


@pytest.mark.parametrize("roots", ["system", "certifi"])
def test_every_context_verifies_and_is_new_enough(roots: str) -> None:
    context = tls_context(roots)
    assert check_context(context) is context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert server_context(certificates().server).minimum_version is ssl.TLSVersion.TLSv1_2


def test_h4_roots_are_what_is_asked_for(tmp_path: Path) -> None:
    assert tls_context("certifi").cert_store_stats() == tls_context(static_file("cacert.pem")).cert_store_stats()
    assert tls_context(certificates().authority).cert_store_stats()["x509_ca"] == 1
    assert tls_context(tmp_path).cert_store_stats()["x509"] == 0

    with pytest.raises(OSError):
        tls_context(tmp_path / "missing.pem")


def test_b7_a_context_that_believes_anybody_is_refused() -> None:
    lenient = ssl.create_default_context()
    lenient.check_hostname = False

    with pytest.raises(ValueError, match="keeps nobody out"):
        HTTPClient(tls=lenient)

    lenient.verify_mode = ssl.CERT_NONE

    with pytest.raises(ValueError, match="keeps nobody out"):
        HTTPClient(tls=lenient)


@pytest.mark.parametrize("pin", ["", "sha256/", "sha1/AAAA", "sha256/AAAA", "sha256/!!!!", "A" * 43 + "="])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(ValueError, match="pins"):
        tls_context(pins=[pin])
