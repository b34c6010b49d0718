"""Letters: what a message by mail says, to whom, and with what in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from hagworm.extend.error import BadValue

if TYPE_CHECKING:
    from email.headerregistry import Address
    from email.message import EmailMessage

__all__ = ("Attachment", "Delivery", "Letter", "Refusal", "read_address")

CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
MEDIA_TYPE = re.compile(r"[!#$&^_.+0-9A-Za-z-]+/[!#$&^_.+0-9A-Za-z-]+")
FIELD = re.compile(r"[!-9;-~]+")

LONGEST = 1000
"""The longest address with a name: reading one takes more time than its length."""

OWN = frozenset({"bcc", "cc", "content-type", "content-transfer-encoding", "date", "from", "message-id"}) | frozenset(
    {"mime-version", "reply-to", "sender", "subject", "to"}
)
"""Fields that a letter writes itself."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter; with a `cid` it is shown in the HTML, where that says `cid:…`."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"
    cid: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message by mail: `Letter("Shop <shop@example.org>", ["a@example.org"], "Your order", "It is on its way.")`.

    Addresses may have names. Those in `bcc` get it and are named nowhere. With `html` there are both, and who reads it
    chooses. `headers` are further fields. Raises `BadValue` where an address is none, or where anything that goes into
    a header holds a control character: nobody can smuggle in a recipient through a subject.
    """

    sender: str
    to: tuple[str, ...] | list[str]
    subject: str
    text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    cc: tuple[str, ...] | list[str] = ()
    bcc: tuple[str, ...] | list[str] = ()
    reply_to: tuple[str, ...] | list[str] = ()
    attachments: tuple[Attachment, ...] | list[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("to", "cc", "bcc", "reply_to"):
            if isinstance(getattr(self, name), str):
                raise BadValue(f"{name}: a list of addresses", getattr(self, name))

        for text in (self.sender, *self.to, *self.cc, *self.bcc, *self.reply_to):
            read_address(text)

        if not self.recipients:
            raise BadValue("a letter to somebody", self.to)

        refuse_control("subject", self.subject)

        for name, value in self.headers.items():
            if FIELD.fullmatch(name) is None or name.lower() in OWN:
                raise BadValue("a header field that a letter does not write itself", name)

            refuse_control(name, value)

        for attachment in self.attachments:
            refuse_control("the name of an attachment", attachment.name)
            refuse_control("the cid of an attachment", attachment.cid)

            if MEDIA_TYPE.fullmatch(attachment.content_type) is None:
                raise BadValue("a media type", attachment.content_type)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The bare addresses of all who get it, each once."""
        return tuple(dict.fromkeys(read_address(text).addr_spec for text in (*self.to, *self.cc, *self.bcc)))

    def message(self, message_id: str, now: datetime) -> "EmailMessage":
        """Return the message that is sent; `now` has a time zone."""
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import format_datetime

        message = EmailMessage(policy=SMTP)
        message["From"] = read_address(self.sender)
        message["Message-ID"] = message_id
        message["Date"] = format_datetime(now)
        message["Subject"] = self.subject

        for name, texts in (("To", self.to), ("Cc", self.cc), ("Reply-To", self.reply_to)):
            if texts:
                message[name] = [read_address(text) for text in texts]

        for name, value in self.headers.items():
            message[name] = value

        if self.text or not self.html:
            message.set_content(self.text)

        if self.html:
            if self.text:
                message.add_alternative(self.html, subtype="html")
            else:
                message.set_content(self.html, subtype="html")

            shown = cast("EmailMessage", message.get_body(("html",)))

            for attachment in self.attachments:
                if attachment.cid:
                    kind, _, subtype = attachment.content_type.partition("/")
                    shown.add_related(
                        attachment.content,
                        kind,
                        subtype,
                        cid=f"<{attachment.cid}>",
                        filename=attachment.name,
                        disposition="inline",
                    )

        for attachment in self.attachments:
            if not (attachment.cid and self.html):
                kind, _, subtype = attachment.content_type.partition("/")
                message.add_attachment(attachment.content, kind, subtype, filename=attachment.name)

        return message


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a recipient does not get a letter; `is_permanent` tells that trying again will not help."""

    code: int
    text: str

    @property
    def is_permanent(self) -> bool:
        """Whether the code is one for good: RFC 5321 section 4.2.1."""
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the server said to a letter: it is responsible for `accepted`, and has `refused` the others."""

    message_id: str
    accepted: tuple[str, ...]
    refused: Mapping[str, Refusal]
    response: str

    @property
    def is_complete(self) -> bool:
        """Whether everybody gets it."""
        return not self.refused


def read_address(text: str) -> "Address":
    """Return the address that `text` is, with or without a name. Raises `BadValue` for none and for more than one."""
    # Loaded with the first letter: the module takes longer than all of this room.
    from email.policy import SMTP

    refuse_control("an address", text)

    if len(text) <= LONGEST:
        try:
            header: Any = SMTP.header_factory("to", text)
        except Exception as error:  # the parser of 3.11 stumbles over some texts with an IndexError
            raise BadValue("one address, 'user@example.org' for example", text) from error

        if len(header.addresses) == 1 and not header.defects:
            address: Address = header.addresses[0]

            if address.username and address.domain and " " not in address.addr_spec:
                return address

    raise BadValue("one address, 'Name <user@example.org>' or 'user@example.org'", text)


def refuse_control(name: str, text: str) -> None:
    if CONTROL.search(text):
        raise BadValue(f"{name} without a control character", text)
