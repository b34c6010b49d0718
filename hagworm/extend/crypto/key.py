"""Keys of two halves, each loaded once: RSA, Ed25519 and ECDSA over P-256."""

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.base.replacement import replacement
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.derivation import key_bytes
from hagworm.extend.crypto.signature import signer, verifier
from hagworm.extend.error import KeyRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    RawPrivate = RSAPrivateKey | Ed25519PrivateKey | EllipticCurvePrivateKey
    RawPublic = RSAPublicKey | Ed25519PublicKey | EllipticCurvePublicKey

__all__ = ("Kind", "Passphrase", "PrivateKey", "PublicKey")

Kind = Literal["ed25519", "p-256", "rsa"]
Passphrase = Secret | str | bytes
PathName = str | os.PathLike[str]

SMALLEST, LARGEST = 2048, 16384
"""Bits of an RSA key: fewer can be broken, more only take time."""


class PublicKey:
    """The half that everybody may have: it verifies signatures.

    `raw` is the object of `cryptography`; `kind` is `ed25519`, `p-256` or `rsa`.
    """

    __slots__ = ("kind", "raw", "verifying")

    def __init__(self, raw: Any) -> None:
        self.kind = kind_of(raw)
        self.raw: RawPublic = raw
        self.verifying = verifier(raw, self.kind)

    def __repr__(self) -> str:
        return f"<PublicKey {size_of(self.raw, self.kind)} {self.fingerprint}>"

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @classmethod
    def from_pem(cls, pem: str | bytes) -> "PublicKey":
        """Return the key in `pem`: a public key, or that of a certificate. Raises `KeyRefused`."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        text = to_bytes(pem)

        try:
            if b"-----BEGIN CERTIFICATE-----" in text:
                return cls(x509.load_pem_x509_certificate(text).public_key())

            return cls(load_pem_public_key(text))
        except KeyRefused:
            raise
        except Exception as exc:
            raise KeyRefused("expected a public key or a certificate in PEM") from exc

    @classmethod
    def load(cls, path: PathName) -> "PublicKey":
        """Return the key in the file at `path`; it blocks. Raises OSError and `KeyRefused`."""
        return cls.from_pem(Path(path).read_bytes())

    @property
    def pem(self) -> bytes:
        """The key in PEM (RFC 7468, SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """`sha256/` and base64, as `hagworm.extend.asyncio.net.tls.pin_of` says of a certificate."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        info = self.raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"sha256/{b64encode(sha256(info).digest()).decode()}"

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `BadSignature` unless `signature` is one of `data` under this key, as `PrivateKey.sign` makes them."""
        self.verifying(signature, data)


class PrivateKey:
    """The half that nobody else may have: it signs. `public` is the other half.

    A key is parsed and checked when it is loaded, which takes longer than many signatures: keep the object. It is not
    pickled, and its text says nothing of it that is not known of its other half.
    """

    __slots__ = ("kind", "public", "raw", "signing")

    def __init__(self, raw: Any) -> None:
        self.kind = kind_of(raw)
        self.raw: RawPrivate = raw
        self.public = PublicKey(raw.public_key())
        self.signing = signer(raw, self.kind)

    def __repr__(self) -> str:
        return f"<PrivateKey {size_of(self.raw, self.kind)} {self.public.fingerprint}>"

    def __reduce__(self) -> Any:
        raise TypeError("a private key is not pickled: save it with a passphrase")

    @classmethod
    def generate(cls, kind: Kind = "ed25519", *, bits: int = 3072) -> "PrivateKey":
        """Return a new key; `bits` is for RSA, which takes up to some seconds: call it in a thread.

        Raises `KeyRefused` for another kind, and for RSA of fewer than 2048 bits.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        match kind:
            case "ed25519":
                return cls(ed25519.Ed25519PrivateKey.generate())
            case "p-256":
                return cls(ec.generate_private_key(ec.SECP256R1()))
            case "rsa":
                check_bits(bits)
                return cls(rsa.generate_private_key(65537, bits))
            case _:
                raise KeyRefused(f"expected one of 'ed25519', 'p-256' and 'rsa', not {kind!r}")

    @classmethod
    def from_pem(cls, pem: str | bytes, passphrase: Passphrase | None = None) -> "PrivateKey":
        """Return the key in `pem` (PKCS #8, or the older forms of OpenSSL); `passphrase` opens one that is encrypted.

        Raises `KeyRefused` for what is no key, for a passphrase that is wrong, missing or not needed, and for kinds and
        sizes that are not offered.
        """
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            return cls(load_pem_private_key(to_bytes(pem), secret_bytes(passphrase)))
        except KeyRefused:
            raise
        except Exception as exc:
            given = "the passphrase that was given" if passphrase is not None else "no passphrase"
            raise KeyRefused(f"expected a private key in PEM that opens with {given}") from exc

    @classmethod
    def load(cls, path: PathName, passphrase: Passphrase | None = None) -> "PrivateKey":
        """Return the key in the file at `path`; it blocks. Raises OSError and `KeyRefused`."""
        return cls.from_pem(Path(path).read_bytes(), passphrase)

    def pem(self, passphrase: Passphrase | None = None) -> bytes:
        """Return the key in PEM (PKCS #8), encrypted under `passphrase`; None means that everybody can read it.

        Raises `KeyRefused` for an empty passphrase.
        """
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        secret = secret_bytes(passphrase)
        lock = NoEncryption() if secret is None else BestAvailableEncryption(secret)
        return self.raw.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)

    def save(self, path: PathName, passphrase: Passphrase | None = None) -> None:
        """Write the key into the file at `path`, which only its owner can read (0600), whole or not at all; it blocks.

        Raises OSError.
        """
        with replacement(path, mode=0o600) as file:
            file.write(self.pem(passphrase))

    def sign(self, data: bytes) -> bytes:
        """Return a signature of `data`, of any length.

        Ed25519 (RFC 8032); ECDSA with SHA-256, in DER; RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 8017).
        """
        return self.signing(data)


def kind_of(raw: Any) -> Kind:
    """Return the kind of a key of `cryptography`; raise `KeyRefused` for one that is not offered, or too weak."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match raw:
        case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
            return "ed25519"
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey() if isinstance(raw.curve, ec.SECP256R1):
            return "p-256"
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey():
            check_bits(raw.key_size)
            return "rsa"
        case _:
            raise KeyRefused(f"expected a key of RSA, Ed25519 or ECDSA over P-256, not {type(raw).__name__}")


def check_bits(bits: int) -> None:
    if not SMALLEST <= bits <= LARGEST:
        raise KeyRefused(f"expected a key of RSA of {SMALLEST} to {LARGEST} bits, not {bits}")


def size_of(raw: Any, kind: Kind) -> str:
    return f"rsa-{raw.key_size}" if kind == "rsa" else kind


def secret_bytes(passphrase: Passphrase | None) -> bytes | None:
    return None if passphrase is None else key_bytes(passphrase, shortest=1)
