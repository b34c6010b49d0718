"""Forms: the body of a request, urlencoded or multipart, to an ordered multidict of text and files."""

from collections.abc import AsyncIterable

from hagworm.facade.headers import Headers
from hagworm.facade.limits import Limits
from hagworm.facade.media import MediaType, parse_media_type
from hagworm.facade.multipart import Event, MultipartError, MultipartParser, PartBegin
from hagworm.facade.query import BadQuery, Pairs, TooManyParameters, parse_pairs
from hagworm.facade.upload import Spool, UploadFile, close_all, in_file_thread

__all__ = ("CHARSETS", "Form", "FormError", "read_form")

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# Decoding more than this would hold up everybody else on the loop.
INLINE = 256 * 1024

# Labels that parts may name, `_` written as `-`. Only these are looked up: some of Python's codecs make no text, some
# make much of little, and the registry keeps every unknown name that it is ever asked for.
CHARSETS = frozenset(
    (
        *("utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be"),
        *(f"iso-8859-{number}" for number in (*range(1, 12), *range(13, 17))),
        *("latin1", "latin-1", "koi8-r", "koi8-u", "macintosh", "ibm866", "cp866", "tis-620"),
        *(f"{kind}{number}" for kind in ("windows-", "cp") for number in range(1250, 1259)),
        *("big5", "big5-hkscs", "gb2312", "gbk", "gb18030", "euc-jp", "euc-kr", "shift-jis", "sjis", "iso-2022-jp"),
    )
)


class FormError(ValueError):
    """The form cannot be read; `status` (400, 413 or 415) and `detail` are for the client."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Form(Pairs[str | UploadFile]):
    """The fields of a form in the order sent; a name may come more than once, and `get` returns its last value."""

    __slots__ = ()

    def files(self) -> list[UploadFile]:
        """Return every file in the order sent."""
        return [value for _, value in self.pairs if isinstance(value, UploadFile)]

    async def close(self) -> None:
        """Free every file, also where the caller is cancelled meanwhile; twice is as good as once."""
        await close_all(self.files())


async def read_form(headers: Headers, chunks: AsyncIterable[bytes], limits: Limits) -> Form:
    """Return the form that a body holds; its files belong to the caller, who frees them with `Form.close`.

    No content type and no body is an empty form. Raises `FormError`: 415 for another content type, 413 beyond the
    limits `form_fields` and `field_bytes`, 400 for what is malformed; and what `chunks` raises. Then, and on
    cancellation, nothing is left open. The size of the body as a whole is the concern of `chunks`.
    """
    value = headers.index.get(b"content-type")
    media_type = None if value is None else parse_media_type(value)
    essence = None if media_type is None else media_type.essence

    if essence == URLENCODED:
        return await read_urlencoded(chunks, limits)

    if media_type is not None and essence == MULTIPART:
        return await read_multipart(media_type, chunks, limits)

    if value is None and not [chunk async for chunk in chunks if chunk]:
        return Form()

    raise FormError(415, f"the body must be a form: {URLENCODED} or {MULTIPART}")


async def read_urlencoded(chunks: AsyncIterable[bytes], limits: Limits) -> Form:
    raw = b"".join([chunk async for chunk in chunks])

    # A charset parameter means nothing here: the standard knows UTF-8 only.
    if len(raw) <= INLINE:
        return parse_urlencoded(raw, limits)

    return await in_file_thread(parse_urlencoded, raw, limits)


def parse_urlencoded(raw: bytes, limits: Limits) -> Form:
    try:
        pairs = parse_pairs(raw, limits.form_fields)
    except TooManyParameters as exc:
        raise FormError(413, f"the form has more than {limits.form_fields} fields") from exc
    except BadQuery as exc:
        raise FormError(400, f"the form is not valid UTF-8, in or near {exc.name[:100]!r}") from exc

    if len(raw) > limits.field_bytes:
        for name, text in pairs:
            check_size(name, len(text.encode()), limits)

    return Form(pairs)


def check_size(name: str, size: int, limits: Limits) -> None:
    if size > limits.field_bytes:
        raise FormError(413, f"the field {name[:100]!r} of the form is larger than {limits.field_bytes} bytes")


async def read_multipart(media_type: MediaType, chunks: AsyncIterable[bytes], limits: Limits) -> Form:
    boundaries = media_type.all("boundary")

    # Two readers that choose differently among several would see two different forms.
    if len(boundaries) != 1:
        raise FormError(400, f"the content type of the form must name one boundary, not {len(boundaries) or 'none'}")

    collector = Collector(limits)

    try:
        parser = MultipartParser(boundaries[0].encode("latin-1"), parts=limits.form_fields)

        async for chunk in chunks:
            for event in parser.feed(chunk):
                await collector.take(event)

        parser.finish()
        return Form(collector.pairs())
    except BaseException as exc:
        await close_all(collector.open)

        if isinstance(exc, MultipartError):
            raise FormError(exc.status, exc.detail) from exc

        raise


class Collector:
    """Gathers the parts of a multipart form; what must be freed is in `open` at any time."""

    __slots__ = ("content", "entries", "limits", "open", "part", "size", "spool")

    part: PartBegin

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open: list[Spool | UploadFile] = []
        self.entries: list[tuple[str, UploadFile | tuple[bytes, str | None]]] = []
        self.spool: Spool | None = None
        self.content: list[bytes] = []
        self.size = 0

    async def take(self, event: Event) -> None:
        """Take what the parser has found."""
        if isinstance(event, bytes):
            if self.spool is not None:
                await self.spool.write(event)
            else:
                self.size += len(event)
                check_size(self.part.name, self.size, self.limits)
                self.content.append(event)

        elif isinstance(event, PartBegin):
            self.part = event

            if event.filename is not None:
                self.spool = Spool(self.limits.spool)
                self.open.append(self.spool)

        elif self.spool is not None:
            await self.end_file(self.spool)
            self.spool = None

        else:
            self.entries.append((self.part.name, (b"".join(self.content), charset_of(self.part))))
            self.content = []
            self.size = 0

    async def end_file(self, spool: Spool) -> None:
        part = self.part

        # A browser sends this for a file field in which no file was chosen.
        if not part.filename and not spool.size:
            self.open.pop()
            return

        content_type = part.content_type
        upload = UploadFile(
            await spool.finish(),
            filename=part.filename or "",
            size=spool.size,
            content_type=None if content_type is None else content_type.decode("latin-1"),
            headers=part.headers,
        )
        self.open[-1] = upload
        self.entries.append((part.name, upload))

    def pairs(self) -> list[tuple[str, str | UploadFile]]:
        """Return names and values. Text is UTF-8 where neither its part nor a field `_charset_` says otherwise."""
        default = "utf-8"

        for name, value in self.entries:
            if name == "_charset_" and isinstance(value, tuple):
                default = value[0].decode("latin-1")
                break

        return [
            (name, value if isinstance(value, UploadFile) else decode(name, value[0], value[1] or default))
            for name, value in self.entries
        ]


def charset_of(part: PartBegin) -> str | None:
    """Return the charset that the content type of a part names."""
    if part.content_type is None or (media_type := parse_media_type(part.content_type)) is None:
        return None

    return media_type.get("charset")


def decode(name: str, data: bytes, charset: str) -> str:
    label = charset.strip().lower().replace("_", "-")

    if label not in CHARSETS:
        raise FormError(400, f"the field {name[:100]!r} of the form has the unknown charset {charset[:100]!r}")

    try:
        return data.decode(label)
    except UnicodeDecodeError as exc:
        raise FormError(400, f"the field {name[:100]!r} of the form is not valid {label}") from exc
