"""Letters go out over TLS or not at all, and what became of each recipient is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hagworm.extend.asyncio.net.mail import Mailer, default_mail_retry
from hagworm.extend.asyncio.net.tls import server_context, tls_context
from hagworm.extend.asyncio.resilience import Retry
from hagworm.extend.config.secret import Secret
from hagworm.extend.error import ConnectFailed, ConnectionLost, DeadlineExceeded, MailFailed, Untrusted
from hagworm.extend.net.letter import Attachment, Letter
from tests.extend.asyncio.net.certificates import certificates
from tests.extend.asyncio.net.web import serve_raw, silent

LETTER = Letter("Shop <shop@example.org>", ["a@example.org", "b@example.org"], "Hello", "Grüße\n.\n")


@dataclass
class Post:
    """A mail server's handler: what came, and what it says to whom."""

    answers: dict[str, str] = field(default_factory=dict)
    data: Callable[[], str] = lambda: "250 taken"
    envelopes: list[Envelope] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")

        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)

        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.data()

        if answer.startswith("250"):
            self.envelopes.append(envelope)

        return answer


@asynccontextmanager
async def serve_mail(post: Post, *, tls: str = "starttls", **options: Any) -> AsyncIterator[Post]:
    context = server_context(certificates().server)
    servers: list[SMTP] = []

    def make() -> SMTP:
        more = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {}
        servers.append(SMTP(post, hostname="localhost", enable_SMTPUTF8=True, **more, **options))
        return servers[-1]

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(make, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    post.port = listener.sockets[0].getsockname()[1]

    try:
        yield post
    finally:
        listener.close()

        for server in servers:
            if server.transport is not None:
                server.transport.abort()

            if (task := server._handler_coroutine) is not None:
                task.cancel()
                await asyncio.wait((task,))

        await asyncio.sleep(0)


def mailer(post: Post, **options: Any) -> Mailer:
    options.setdefault("context", tls_context(certificates().authority))
    options.setdefault("retry", None)
    return Mailer("localhost", post.port, local_name="client.example", timeout=20, **options)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_letter_arrives_over_tls(tls: Any) -> None:
    async with serve_mail(Post(), tls=tls) as post:
        sender = mailer(post, tls=tls)
        delivery = await sender.send(LETTER)
        (envelope,) = post.envelopes
        assert delivery.accepted == ("a@example.org", "b@example.org") and delivery.is_complete
        assert envelope.mail_from == "shop@example.org" and envelope.rcpt_tos == ["a@example.org", "b@example.org"]
        assert isinstance(envelope.content, bytes) and delivery.message_id.encode() in envelope.content
        assert sender.statistics() == {"sent": 1, "failed": 0, "accepted": 2, "refused": 0}
        assert "1 sent" in repr(sender)


async def test_s8_what_became_of_each_recipient_is_told() -> None:
    async with serve_mail(Post({"b@example.org": "550 no such user"})) as post:
        delivery = await mailer(post).send(LETTER)
        assert delivery.accepted == ("a@example.org",) and not delivery.is_complete
        refusal = delivery.refused["b@example.org"]
        assert (refusal.code, refusal.text, refusal.is_permanent) == (550, "no such user", True)


async def test_s8_a_letter_that_nobody_gets_raises_and_is_not_sent_again_when_that_is_for_good() -> None:
    answers = {"a@example.org": "550 no", "b@example.org": "551 no"}

    async with serve_mail(Post(answers)) as post:
        retry = Retry(3, on=MailFailed, backoff=0.0)

        with pytest.raises(MailFailed, match="550 no") as caught:
            await mailer(post, retry=retry).send(LETTER)

        assert caught.value.is_permanent and set(caught.value.refused) == set(answers)
        assert retry.statistics()["retried"] == 0


async def test_s8_what_the_server_refuses_for_now_is_tried_again() -> None:
    answers = ["250 taken", "451 later", "421 later"]

    async with serve_mail(Post(data=lambda: answers.pop())) as post:
        delivery = await mailer(post, retry=Retry(3, on=default_mail_retry().errors.classes, backoff=0.0)).send(LETTER)
        assert delivery.is_complete and len(post.envelopes) == 1 and answers == []


async def test_s8_what_may_have_arrived_is_not_sent_again() -> None:
    sessions = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sessions
        sessions += 1
        writer.write(b"220 hello\r\n")

        while not (line := await reader.readline()).startswith(b"DATA"):
            assert line
            writer.write(b"250 OK\r\n")

        writer.write(b"354 go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.close()

    async with serve_raw(swallow) as server:
        sender = Mailer("127.0.0.1", server.port, tls="plain", retry=3)

        with pytest.raises(ConnectionLost) as caught:
            await sender.send(LETTER)

        assert sessions == 1 and not caught.value.retryable and sender.statistics()["failed"] == 1


async def test_s8_a_server_without_tls_gets_nothing() -> None:
    async with serve_mail(Post(), tls="plain") as post:
        with pytest.raises(Untrusted):
            await mailer(post, context=None).send(LETTER)

        assert post.envelopes == []
        assert (await mailer(post, tls="plain", context=None).send(LETTER)).is_complete


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_s8_a_server_that_nobody_vouches_for_gets_nothing(tls: Any) -> None:
    async with serve_mail(Post(), tls=tls) as post:
        with pytest.raises(Untrusted):
            await mailer(post, tls=tls, context=None).send(LETTER)

        assert post.envelopes == []


async def test_who_has_a_password_logs_in_and_it_is_shown_nowhere() -> None:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"opensesame", handled=False)

    async with serve_mail(Post(), authenticator=check, auth_required=True) as post:
        sender = mailer(post, username="me", password=Secret("opensesame"))
        assert (await sender.send(LETTER)).is_complete and "opensesame" not in repr(sender)

        with pytest.raises(MailFailed, match="login") as caught:
            await mailer(post, username="me", password="wrong-one").send(LETTER)

        assert caught.value.is_permanent and "wrong-one" not in str(caught.value)


async def test_many_letters_go_over_one_connection() -> None:
    async with serve_mail(Post()) as post:
        async with mailer(post).connect() as connection:
            for _ in range(3):
                await connection.send(LETTER)

        assert len(post.envelopes) == 3


async def test_attachments_arrive() -> None:
    async with serve_mail(Post()) as post:
        await mailer(post).send(
            Letter("a@x.org", ["b@x.org"], "s", attachments=[Attachment("a.bin", b"\x00\xff" * 90)])
        )
        assert isinstance(post.envelopes[0].content, bytes) and b"a.bin" in post.envelopes[0].content


async def test_nobody_there_and_nobody_speaking_are_errors_of_their_own() -> None:
    async with serve_raw(silent) as server:
        with pytest.raises((DeadlineExceeded, ConnectFailed)):
            await Mailer("127.0.0.1", server.port, tls="plain", timeout=0.1, retry=None).send(LETTER)

    with pytest.raises(ConnectFailed):
        await Mailer("127.0.0.1", server.port, tls="plain", retry=None).send(LETTER)


def test_no_password_goes_over_a_plain_connection() -> None:
    with pytest.raises(ValueError, match="password"):
        Mailer("localhost", tls="plain", username="me", password="x")

    with pytest.raises(ValueError, match="tls"):
        Mailer("localhost", tls="none")  # type: ignore[arg-type]  # what is tested

    lenient = ssl.create_default_context()
    lenient.check_hostname = False

    with pytest.raises(ValueError, match="keeps nobody out"):
        Mailer("localhost", context=lenient)
