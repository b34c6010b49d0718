"""Sending letters by SMTP: over TLS, with an answer for each recipient, and never twice by mistake."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.net.tls import check_context, tls_context
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.config.secret import Secret
from hagworm.extend.error import (
    ConnectFailed,
    ConnectionLost,
    HagwormError,
    MailFailed,
    NetworkError,
    PeerSilent,
    Untrusted,
    extra,
)
from hagworm.extend.net.letter import Delivery, Letter, Refusal, read_address

if TYPE_CHECKING:
    import aiosmtplib

__all__ = ("MailConnection", "Mailer", "default_mail_retry")

PORTS = {"starttls": 587, "tls": 465, "plain": 25}


def default_mail_retry(attempts: int = 3) -> Retry:
    """Return what a mailer retries by: only what the server has certainly not taken, after pauses that grow."""
    return Retry(attempts, on=(NetworkError, MailFailed), name="Mailer")


def now() -> datetime:
    return datetime.now(UTC)


class Mailer:
    """Sends letters through a server: `await Mailer("mail.example.org", username=…, password=…).send(letter)`.

    `tls` is `"starttls"` (the default: a server that cannot is not talked to), `"tls"` from the first byte, or
    `"plain"` for a server on this machine; nobody logs in without TLS. `context` has to verify. The `port` is the usual
    one for that: 587, 465, 25. `timeout` is what one letter may take, in seconds, with all attempts.

    What the server refuses for now (4xx), or what did not reach it, is tried again by `retry`; what it has refused for
    good is not, nor what was lost after the letter had begun to go out: it may have arrived. To send the same letter
    again is the caller's choice; its `message_id` is in the `Delivery`.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        username: str | None = None,
        password: Secret | str | None = None,
        tls: Literal["starttls", "tls", "plain"] = "starttls",
        context: ssl.SSLContext | None = None,
        timeout: float = 60.0,
        retry: Retry | int | None = 3,
        local_name: str | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        if tls not in PORTS:
            raise ValueError(f"tls: {tls!r} is none of {', '.join(PORTS)}")

        if tls == "plain" and username is not None:
            raise ValueError("without TLS everybody on the way would read the password: tls has to be starttls or tls")

        self.host = host
        self.port = PORTS[tls] if port is None else port
        self.username = username
        self.password = Secret("" if password is None else password)
        self.tls = tls
        self.context = None if context is None else check_context(context)
        self.timeout = timeout
        self.retry = default_mail_retry(retry) if isinstance(retry, int) else retry
        self.local_name = local_name
        self.clock = clock
        self.sent = self.accepted = self.refused = self.failed = 0
        self.post = self.send_once if self.retry is None else self.retry.wrap_async(self.send_once)

    def __repr__(self) -> str:
        return f"<Mailer {self.host}:{self.port} {self.tls}, {self.sent} sent, {self.failed} failed>"

    def statistics(self) -> dict[str, int]:
        """Return how many letters were sent and failed, and how many recipients were accepted and refused."""
        return {"sent": self.sent, "failed": self.failed, "accepted": self.accepted, "refused": self.refused}

    async def send(self, letter: Letter) -> Delivery:
        """Send a letter over a connection of its own, and return who gets it.

        Raises `MailFailed` where nobody does, `ConnectFailed`, `Untrusted`, `ConnectionLost`, `DeadlineExceeded`.
        Cancelled, it may or may not have been sent.
        """
        with within(self.timeout):
            try:
                return await self.post(letter, self.name(letter))
            except Exception:
                self.failed += 1
                raise

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["MailConnection"]:
        """Give a connection for many letters: `async with mailer.connect() as connection: await connection.send(…)`."""
        with extra("email"):
            import aiosmtplib

        server = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            tls_context=None if self.tls == "plain" else self.context or tls_context(),
            local_hostname=self.local_name,
            timeout=self.timeout,
        )

        try:
            with translated(self, began=False):
                await server.connect()

                if self.username is not None:
                    await server.login(self.username, self.password.reveal())

            yield MailConnection(self, server)

            with suppress(aiosmtplib.SMTPException):
                await server.quit()
        finally:
            server.close()

    async def send_once(self, letter: Letter, message_id: str) -> Delivery:
        async with self.connect() as connection:
            return await connection.post(letter, message_id)

    def name(self, letter: Letter) -> str:
        """Return a new name for a letter."""
        from email.utils import make_msgid

        return make_msgid(domain=read_address(letter.sender).domain)


class MailConnection:
    """A connection to a mail server that has been logged in to."""

    def __init__(self, mailer: Mailer, server: "aiosmtplib.SMTP") -> None:
        self.mailer = mailer
        self.server = server

    def __repr__(self) -> str:
        return f"<MailConnection of {self.mailer!r}>"

    async def send(self, letter: Letter) -> Delivery:
        """Send a letter and return who gets it. Raises `MailFailed` where nobody does, `ConnectionLost`."""
        return await self.post(letter, self.mailer.name(letter))

    async def post(self, letter: Letter, message_id: str) -> Delivery:
        mailer = self.mailer
        recipients = letter.recipients
        message = letter.message(message_id, mailer.clock())

        with translated(mailer, began=True):
            errors, response = await self.server.send_message(
                message, sender=read_address(letter.sender).addr_spec, recipients=recipients
            )

        refused = {address: Refusal(code, text) for address, (code, text) in errors.items()}
        accepted = tuple(address for address in recipients if address not in refused)
        mailer.sent += 1
        mailer.accepted += len(accepted)
        mailer.refused += len(refused)
        return Delivery(message_id, accepted, refused, response)


@contextmanager
def translated(mailer: Mailer, *, began: bool) -> Iterator[None]:
    """Turn the errors of aiosmtplib in the block into ours; `began`: the letter may have gone out."""
    from aiosmtplib import SMTPException

    try:
        yield
    except (SMTPException, OSError) as error:
        if isinstance(error, HagwormError):
            raise

        raise translate(error, f"{mailer.host}:{mailer.port}", began) from error


def translate(error: Exception, where: str, began: bool) -> HagwormError:
    """Return our error for one of aiosmtplib."""
    import aiosmtplib

    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            refused = {each.recipient: f"{each.code} {each.message}" for each in error.recipients}
            permanent = all(each.code >= 500 for each in error.recipients)
            said = "; ".join(f"{address}: {text}" for address, text in refused.items())
            return MailFailed(f"{where} refuses all recipients: {said}", refused=refused, is_permanent=permanent)
        case aiosmtplib.SMTPAuthenticationError():
            # What the server says may repeat what it was told.
            return MailFailed(f"{where} refuses the login: {error.code}", is_permanent=error.code >= 500)
        case aiosmtplib.SMTPResponseException():
            text = f"{where} answers {error.code} {error.message}"
            return MailFailed(text, is_permanent=error.code >= 500)
        case aiosmtplib.SMTPNotSupported():
            return MailFailed(f"{where}: {error}", is_permanent=True)
        case ssl.SSLError() | ssl.CertificateError():
            return Untrusted(f"{where}: {error}")
        case aiosmtplib.SMTPConnectError() if isinstance(error.__cause__, ssl.SSLError):
            return Untrusted(f"{where}: {error.__cause__}")
        case aiosmtplib.SMTPTimeoutError() if began:
            return PeerSilent(f"{where}: {error}", retryable=False)
        case _ if began:
            return ConnectionLost(f"{where}: {error}", retryable=False)
        case aiosmtplib.SMTPException() if "STARTTLS" in str(error):
            return Untrusted(f"{where} speaks no TLS: {error}")
        case _:
            return ConnectFailed(f"{where}: {error}")
