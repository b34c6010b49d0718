"""Certificates that sign themselves, for development and tests."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from hagworm.extend.base.replacement import replacement
from hagworm.extend.crypto.key import Passphrase, PrivateKey
from hagworm.extend.error import BadValue

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

__all__ = ("Certificate", "self_signed")

LONGEST = 397
"""Days: clients refuse what is valid for longer (CA/Browser Forum, Apple)."""
PathName = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key."""

    pem: bytes
    """The certificate, which everybody may see."""
    key: PrivateKey
    names: tuple[str, ...]
    until: datetime

    def save(self, certificate: PathName, key: PathName, passphrase: Passphrase | None = None) -> None:
        """Write both as files in PEM; only the owner can read that of the key (0600). Blocks. Raises OSError."""
        self.key.save(key, passphrase)

        with replacement(certificate) as file:
            file.write(self.pem)


def self_signed(
    names: Iterable[str] = ("localhost", "127.0.0.1", "::1"),
    *,
    days: float = 30,
    key: PrivateKey | None = None,
    now: datetime | None = None,
) -> Certificate:
    """Return a certificate for the host names and addresses in `names`, valid from an hour ago for `days` days.

    Nobody vouches for it: clients have to be told to believe it, with its file as their `roots`. `key` is a new one
    (P-256) if none is given. Raises `BadValue` for no name, one that is none, and days that are not up to 397.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    chosen = tuple(names)

    if not chosen:
        raise BadValue("at least one host name or address")

    if not 0 < days <= LONGEST:
        raise BadValue(f"more than 0 and at most {LONGEST} days", days)

    alternatives = [general_name(name) for name in chosen]
    private = PrivateKey.generate("p-256") if key is None else key
    public = private.public.raw
    moment = datetime.now(UTC) if now is None else now
    until = moment + timedelta(days=days)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hagworm self-signed, for development")])
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=private.kind == "rsa",
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
    )
    signed = builder.sign(private.raw, None if private.kind == "ed25519" else hashes.SHA256())
    return Certificate(signed.public_bytes(Encoding.PEM), private, chosen, until)


def general_name(name: str) -> "GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass

    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""

    if not ascii_name or not ascii_name.replace("*.", "", 1).replace(".", "").replace("-", "").isalnum():
        raise BadValue("a host name or an address", name)

    return x509.DNSName(ascii_name)
