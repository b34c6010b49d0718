"""How each kind of key signs and verifies, and the signatures that only others still want."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import BadSignature, KeyRefused

if TYPE_CHECKING:
    from hagworm.extend.crypto.key import Kind, PrivateKey, PublicKey

__all__ = (
    "legacy_sign_pkcs1",
    "legacy_sign_pkcs1_sha1",
    "legacy_verify_pkcs1",
    "legacy_verify_pkcs1_sha1",
    "signer",
    "verifier",
)

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], None]


def signer(raw: Any, kind: "Kind") -> Sign:
    """Return the function that signs by this key of `cryptography`: what does not change is chosen here, once."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    match kind:
        case "ed25519":
            sign: Sign = raw.sign
            return sign
        case "p-256":
            scheme = ec.ECDSA(hashes.SHA256())
            return lambda data: raw.sign(data, scheme)
        case "rsa":
            digest = hashes.SHA256()
            pad = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return lambda data: raw.sign(data, pad, digest)


def verifier(raw: Any, kind: "Kind") -> Verify:
    """Return the function that verifies by this key of `cryptography`; RSASSA-PSS may have a salt of any length."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    match kind:
        case "ed25519":
            return checked(raw.verify)
        case "p-256":
            return checked(raw.verify, ec.ECDSA(hashes.SHA256()))
        case "rsa":
            digest = hashes.SHA256()
            return checked(raw.verify, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)


def legacy_sign_pkcs1(key: "PrivateKey", data: bytes) -> bytes:
    """Return a signature by RSA as RSASSA-PKCS1-v1_5 (RFC 8017) with SHA-256, for who does not know PSS.

    Raises `KeyRefused` for a key of another kind.
    """
    return old_sign(key, data, "SHA256")


def legacy_verify_pkcs1(key: "PublicKey", signature: bytes, data: bytes) -> None:
    """Raise `BadSignature` unless `signature` is that of `legacy_sign_pkcs1`; `KeyRefused` for another kind of key."""
    old_verify(key, signature, data, "SHA256")


def legacy_sign_pkcs1_sha1(key: "PrivateKey", data: bytes) -> bytes:
    """Return a signature as `legacy_sign_pkcs1` does, but with SHA-1: hagworm 4 did so, and collisions are for sale."""
    return old_sign(key, data, "SHA1")


def legacy_verify_pkcs1_sha1(key: "PublicKey", signature: bytes, data: bytes) -> None:
    """Raise `BadSignature` unless `signature` is that of `legacy_sign_pkcs1_sha1`; it proves little."""
    old_verify(key, signature, data, "SHA1")


def checked(verify: Callable[..., None], *scheme: Any) -> Verify:
    from cryptography.exceptions import InvalidSignature

    def check(signature: bytes, data: bytes) -> None:
        try:
            verify(signature, data, *scheme)
        except InvalidSignature:
            raise BadSignature("the signature of this data under this key") from None

    return check


def old_sign(key: "PrivateKey", data: bytes, digest: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if not isinstance(key.raw, RSAPrivateKey):
        raise KeyRefused(f"expected a key of RSA, not {key!r}")

    return key.raw.sign(data, PKCS1v15(), getattr(hashes, digest)())


def old_verify(key: "PublicKey", signature: bytes, data: bytes, digest: str) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if not isinstance(key.raw, RSAPublicKey):
        raise KeyRefused(f"expected a key of RSA, not {key!r}")

    checked(key.raw.verify, PKCS1v15(), getattr(hashes, digest)())(signature, data)
