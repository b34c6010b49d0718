"""TLS as a client and as a server speak it here: always verified, version 1.2 or newer."""

import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path

from hagworm.extend.config.secret import Secret
from hagworm.extend.error import extra

__all__ = ("check_context", "pin_of", "server_context", "tls_context")

PathName = str | PathLike[str]
CertificateFiles = tuple[PathName, PathName]


def tls_context(
    roots: str | PathLike[str] = "system",
    *,
    certificate: CertificateFiles | None = None,
    password: Secret | str | None = None,
    pins: Iterable[str] = (),
) -> ssl.SSLContext:
    """Return what a client needs to speak TLS: certificates and host names are verified, whatever is asked for.

    `roots` are those who are believed: `"system"`; `"certifi"`, Mozilla's as that package has them (the extra
    `http`); or the path of a file or folder with certificates in PEM. `certificate` are the files with a certificate
    of our own and its key, in PEM, `password` opens the key. With `pins` (`sha256/` and base64, see `pin_of`) the key
    of the other side must be one of those as well. Blocks to read files. Raises OSError and ssl.SSLError for files
    that are not there or not what they should be, ValueError for a pin that is none.
    """
    wanted = frozenset(map(read_pin, pins))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    if wanted:
        context = PinningContext(ssl.PROTOCOL_TLS_CLIENT)
        context.pins = wanted

    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_roots(context, fspath(roots))

    if certificate is not None:
        load_own(context, certificate, password)

    return context


def server_context(
    certificate: CertificateFiles,
    *,
    password: Secret | str | None = None,
    client_roots: str | PathLike[str] | None = None,
) -> ssl.SSLContext:
    """Return what a server needs to speak TLS; with `client_roots` it talks only to clients whom those vouch for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_own(context, certificate, password)

    if client_roots is not None:
        load_roots(context, fspath(client_roots))
        context.verify_mode = ssl.CERT_REQUIRED

    return context


def check_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return `context`, or raise ValueError where it would believe anybody."""
    if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
        raise ValueError("a TLS context that verifies neither certificate nor host name keeps nobody out")

    return context


def pin_of(certificate: bytes) -> str:
    """Return the pin of the key in a certificate in DER: `sha256/` and base64 (RFC 7469 section 2.4)."""
    from hashlib import sha256

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_der_x509_certificate

    key = load_der_x509_certificate(certificate).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256/{b64encode(sha256(info).digest()).decode()}"


def read_pin(pin: str) -> str:
    name, _, digest = pin.partition("/")

    try:
        if name == "sha256" and len(b64decode(digest, validate=True)) == 32:
            return pin
    except ValueError:
        pass

    raise ValueError(f"pins: {pin!r} is not sha256/ and the base64 of 32 bytes")


def load_roots(context: ssl.SSLContext, roots: str) -> None:
    if roots == "system":
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    elif roots == "certifi":
        with extra("http"):
            import certifi

        context.load_verify_locations(certifi.where())
    elif Path(roots).is_dir():
        context.load_verify_locations(capath=roots)
    else:
        context.load_verify_locations(cafile=roots)


def load_own(context: ssl.SSLContext, certificate: CertificateFiles, password: Secret | str | None) -> None:
    chain, key = certificate
    # Without one OpenSSL would ask on the terminal for the password of a key that needs one.
    given = password.reveal() if isinstance(password, Secret) else password or ""
    context.load_cert_chain(fspath(chain), fspath(key), lambda: given)


class PinnedObject(ssl.SSLObject):
    """A connection that ends right after the handshake when the other side has an unknown key."""

    def do_handshake(self) -> None:
        super().do_handshake()
        check_pin(self, self.context)


class PinnedSocket(ssl.SSLSocket):
    """The same for sockets that block."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        check_pin(self, self.context)


class PinningContext(ssl.SSLContext):
    """A context that knows the keys which the other side may have."""

    pins: frozenset[str] = frozenset()
    sslobject_class = PinnedObject
    sslsocket_class = PinnedSocket


def check_pin(connection: ssl.SSLObject | ssl.SSLSocket, context: ssl.SSLContext) -> None:
    assert isinstance(context, PinningContext)
    certificate = connection.getpeercert(binary_form=True)
    found = "nobody's" if certificate is None else pin_of(certificate)

    if found not in context.pins:
        raise ssl.SSLCertVerificationError(f"the key of the other side is {found}, which is none of the pins")
