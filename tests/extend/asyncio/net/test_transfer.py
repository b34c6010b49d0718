"""What is put in place is whole and right; what has come is not asked for again."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiohttp import web

from hagworm.extend.asyncio.buffer import FileBuffer
from hagworm.extend.asyncio.file import FileLoader
from hagworm.extend.asyncio.net.client import HTTPClient
from hagworm.extend.asyncio.net.transfer import download, fetch_by, read_checksum, spool
from hagworm.extend.asyncio.resilience import Retry
from hagworm.extend.error import BodyDamaged, BodyTooLong, FetchFailed, NetworkError, StatusFailed
from hagworm.extend.net.span import Progress
from hagworm.testing.proxy import FaultProxy, Faults
from hagworm.testing.sweep import cancel_sweep
from tests.extend.asyncio.net.web import Server, serve, serve_canned

CONTENT = bytes(range(256)) * 4096
"""1 MiB."""
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def patient(attempts: int = 8) -> Retry:
    return Retry(attempts, on=(NetworkError, BodyDamaged), backoff=0.001)


class Shelf:
    """A server's file, with a tag, in parts where that is asked for."""

    def __init__(self, content: bytes = CONTENT, etag: str | None = '"v1"', *, ranges: bool = True) -> None:
        self.content = content
        self.etag = etag
        self.ranges = ranges

    async def __call__(self, request: web.Request) -> web.Response:
        headers = {} if self.etag is None else {"ETag": self.etag}
        wanted = request.headers.get("Range")
        assert request.headers["Accept-Encoding"] == "identity"

        if wanted is None or not self.ranges or request.headers.get("If-Range") != self.etag:
            return web.Response(body=self.content, headers=headers)

        first = int(wanted.removeprefix("bytes=").removesuffix("-"))

        if first >= len(self.content):
            return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(self.content)}"})

        headers["Content-Range"] = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
        return web.Response(status=206, body=self.content[first:], headers=headers)


def ranges(server: Server) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.seen]


def only(folder: Path, names: Iterable[str]) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


async def test_a_file_is_put_in_place_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(0o640)
    seen: list[Progress] = []

    async with serve(Shelf()) as server, HTTPClient(server.url) as client:
        done = await download(client, "/", target, checksum=CHECKSUM, progress=seen.append)

    assert target.read_bytes() == CONTENT and only(tmp_path, ["file"])
    assert (done.size, done.resumed, done.etag) == (len(CONTENT), 0, '"v1"')
    assert target.stat().st_mode & 0o777 == 0o640
    assert [step.received for step in seen] == sorted(step.received for step in seen)
    assert seen[-1] == Progress(len(CONTENT), len(CONTENT), 0)


async def test_h3_a_truncated_attempt_is_gone_on_with(tmp_path: Path) -> None:
    """The original's second attempt did nothing, and the file stayed as it was when the first one ended."""
    target = tmp_path / "file"

    async with serve(Shelf()) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}", retry=patient()) as client:
                done = await download(client, "/", target, checksum=CHECKSUM)

        assert target.read_bytes() == CONTENT and only(tmp_path, ["file"])
        assert done.resumed > 0 and len(server.seen) == 3
        first, *rest = ranges(server)
        assert first is None and all(rest)


async def test_h3_what_has_come_is_kept_for_the_next_call(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    async with serve(Shelf()) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}", retry=None) as client:
                with pytest.raises(BodyDamaged):
                    await download(client, "/", target)

        assert target.read_bytes() == b"old" and only(tmp_path, ["file", "file.part", "file.part.tag"])

        async with HTTPClient(f"http://127.0.0.1:{proxy.port}") as client:
            client.base_url = f"http://127.0.0.1:{server.port}"
            kept = (tmp_path / "file.part").stat().st_size
            # The same path at another host is another thing.
            await download(client, "/", target)
            assert ranges(server) == [None, None] and kept > 0


async def test_h3_the_rest_is_asked_for_the_next_time(tmp_path: Path) -> None:
    target = tmp_path / "file"

    async with serve(Shelf()) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}", retry=None) as client:
                with pytest.raises(BodyDamaged):
                    await download(client, "/", target)

                kept = (tmp_path / "file.part").stat().st_size
                proxy.to_client = Faults()
                done = await download(client, "/", target, checksum=CHECKSUM)

        assert done.resumed == kept > 0 and ranges(server) == [None, f"bytes={kept}-"]
        assert only(tmp_path, ["file"])


async def test_h3_what_has_changed_meanwhile_is_fetched_from_the_beginning(tmp_path: Path) -> None:
    shelf, target = Shelf(), tmp_path / "file"

    async with serve(shelf) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}", retry=None) as client:
                with pytest.raises(BodyDamaged):
                    await download(client, "/", target)

                proxy.to_client = Faults()
                shelf.content, shelf.etag = b"new" * 1000, '"v2"'
                done = await download(client, "/", target)

    assert target.read_bytes() == b"new" * 1000 and done.resumed == 0


@pytest.mark.parametrize(("etag", "ranges"), [(None, True), ('W/"v1"', True), ('"v1"', False)])
async def test_without_a_strong_tag_or_ranges_the_file_is_still_right(
    tmp_path: Path, etag: str | None, ranges: bool
) -> None:
    target = tmp_path / "file"

    async with serve(Shelf(etag=etag, ranges=ranges)) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}", retry=patient(2)) as client:
                with pytest.raises(BodyDamaged):
                    await download(client, "/", target)

                proxy.to_client = Faults()
                await download(client, "/", target, checksum=CHECKSUM)

    assert target.read_bytes() == CONTENT


async def test_all_of_it_may_be_there_already(tmp_path: Path) -> None:
    target = tmp_path / "file"

    async with serve(Shelf()) as server, HTTPClient(server.url) as client:
        await download(client, "/", target)
        source = hashlib.sha256(f"{server.url}/".encode()).hexdigest()
        target.rename(tmp_path / "file.part")
        (tmp_path / "file.part.tag").write_text(f'{source} "v1"')
        done = await download(client, "/", target, checksum=CHECKSUM)
        assert done.resumed == len(CONTENT) and ranges(server) == [None, f"bytes={len(CONTENT)}-"]

    assert target.read_bytes() == CONTENT and only(tmp_path, ["file"])


async def test_h3_a_wrong_checksum_replaces_nothing_and_nothing_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    async with serve(Shelf(b"evil")) as server, HTTPClient(server.url) as client:
        with pytest.raises(BodyDamaged, match="sha256"):
            await download(client, "/", target, checksum=CHECKSUM)

    assert target.read_bytes() == b"old" and only(tmp_path, ["file"])


async def test_b8_an_error_page_is_not_written_into_the_file(tmp_path: Path) -> None:
    async def missing(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async with serve(missing) as server, HTTPClient(server.url) as client:
        with pytest.raises(StatusFailed):
            await download(client, "/", tmp_path / "file")

    assert only(tmp_path, [])


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_h3_a_file_that_is_too_large_is_not_kept(tmp_path: Path, chunked: bool) -> None:
    async def much(request: web.Request) -> web.StreamResponse:
        answer = web.Response(body=CONTENT)

        if chunked:
            answer.enable_chunked_encoding()

        return answer

    async with serve(much) as server, HTTPClient(server.url) as client:
        with pytest.raises(BodyTooLong):
            await download(client, "/", tmp_path / "file", max_bytes=300_000)

    assert only(tmp_path, [])


async def test_two_downloads_to_one_path_do_not_mix(tmp_path: Path) -> None:
    async with serve(Shelf()) as server, HTTPClient(server.url) as client:
        outcomes = await asyncio.gather(
            *(download(client, "/", tmp_path / "file") for _ in range(2)), return_exceptions=True
        )

    assert sum(isinstance(outcome, BlockingIOError) for outcome in outcomes) == 1
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    os.symlink(tmp_path / "real", tmp_path / "link")

    async with serve(Shelf()) as server, HTTPClient(server.url) as client:
        await download(client, "/", tmp_path / "link")

    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == CONTENT


async def test_a_cancelled_download_replaces_nothing_or_everything(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def check() -> None:
        assert not target.exists() or target.read_bytes() == b"hello"
        target.unlink(missing_ok=True)

    async with serve_canned() as server, HTTPClient(server.url) as client:
        await cancel_sweep(lambda: download(client, "/", target), check)

    assert only(tmp_path, [])


async def test_n1_a_loader_asks_by_a_client_again_only_for_what_has_changed_and_keeps_no_failure() -> None:
    tag, broken = '"v1"', False

    async def answer(request: web.Request) -> web.Response:
        if broken:
            return web.Response(status=404)

        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)

        return web.Response(text=f"{tag} for {request.headers.get('X-User')}", headers={"ETag": tag})

    async with serve(answer) as server, HTTPClient(server.url) as client, FileLoader(fetch=fetch_by(client)) as loader:
        url = f"{server.url}/file"
        assert await loader.fetch(url, headers={"X-User": "a"}) == b'"v1" for a'
        assert await loader.fetch(url, headers={"X-User": "b"}) == b'"v1" for b', "nobody gets what is another's"
        assert await loader.fetch(url, headers={"X-User": "a"}) == b'"v1" for a'
        assert loader.statistics().loads == 2 and len(server.seen) == 3
        tag = '"v2"'
        assert await loader.fetch(url, headers={"X-User": "a"}) == b'"v2" for a'
        broken = True

        with pytest.raises(FetchFailed):
            await loader.fetch(url, headers={"X-User": "a"})

        broken = False
        assert await loader.fetch(url, headers={"X-User": "a"}) == b'"v2" for a'


@pytest.mark.parametrize("text", ["", "abc", "sha256", "sha256:", "sha256:xyz", "md6:00", "shake_128:00"])
def test_what_is_no_checksum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="checksum"):
        read_checksum(text)


async def test_a_spool_is_read_while_it_is_written() -> None:
    async with serve(whole) as server, HTTPClient(server.url) as client, FileBuffer() as buffer:
        reading = asyncio.create_task(buffer.read_all())
        assert await spool(client, "/", buffer) == len(CONTENT)
        assert await reading == CONTENT


async def test_what_is_incomplete_in_a_spool_is_not_taken_for_complete() -> None:
    async with serve(whole) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=400_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}") as client, FileBuffer() as buffer:
                with pytest.raises(BodyDamaged):
                    await spool(client, "/", buffer)

                with pytest.raises(BodyDamaged):
                    await buffer.read_all()


async def whole(request: web.Request) -> web.Response:
    return web.Response(body=CONTENT)
