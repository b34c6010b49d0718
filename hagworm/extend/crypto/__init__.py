"""Keys, signatures, encryption, tokens and passwords, with nothing in it that is easy to use wrongly."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.crypto.aead import AEAD as AEAD
    from hagworm.extend.crypto.certificate import Certificate as Certificate
    from hagworm.extend.crypto.certificate import self_signed as self_signed
    from hagworm.extend.crypto.derivation import derive_key as derive_key
    from hagworm.extend.crypto.key import PrivateKey as PrivateKey
    from hagworm.extend.crypto.key import PublicKey as PublicKey
    from hagworm.extend.crypto.nonce import CounterNonces as CounterNonces
    from hagworm.extend.crypto.nonce import RandomNonces as RandomNonces
    from hagworm.extend.crypto.oaep import decrypt_rsa as decrypt_rsa
    from hagworm.extend.crypto.oaep import encrypt_rsa as encrypt_rsa
    from hagworm.extend.crypto.oaep import open_rsa as open_rsa
    from hagworm.extend.crypto.oaep import seal_rsa as seal_rsa
    from hagworm.extend.crypto.onetime import check_hotp as check_hotp
    from hagworm.extend.crypto.onetime import check_totp as check_totp
    from hagworm.extend.crypto.onetime import hotp as hotp
    from hagworm.extend.crypto.onetime import new_otp_secret as new_otp_secret
    from hagworm.extend.crypto.onetime import otp_url as otp_url
    from hagworm.extend.crypto.onetime import totp as totp
    from hagworm.extend.crypto.password import PasswordHasher as PasswordHasher
    from hagworm.extend.crypto.ring import KeyRing as KeyRing
    from hagworm.extend.crypto.ring import new_key as new_key
    from hagworm.extend.crypto.signature import legacy_sign_pkcs1 as legacy_sign_pkcs1
    from hagworm.extend.crypto.signature import legacy_sign_pkcs1_sha1 as legacy_sign_pkcs1_sha1
    from hagworm.extend.crypto.signature import legacy_verify_pkcs1 as legacy_verify_pkcs1
    from hagworm.extend.crypto.signature import legacy_verify_pkcs1_sha1 as legacy_verify_pkcs1_sha1
    from hagworm.extend.crypto.token import TokenIssuer as TokenIssuer
    from hagworm.extend.crypto.token import TokenVerifier as TokenVerifier

# Loaded on first use: who hashes passwords needs no tokens.
HOMES = {
    "AEAD": "hagworm.extend.crypto.aead",
    "Certificate": "hagworm.extend.crypto.certificate",
    "CounterNonces": "hagworm.extend.crypto.nonce",
    "KeyRing": "hagworm.extend.crypto.ring",
    "PasswordHasher": "hagworm.extend.crypto.password",
    "PrivateKey": "hagworm.extend.crypto.key",
    "PublicKey": "hagworm.extend.crypto.key",
    "RandomNonces": "hagworm.extend.crypto.nonce",
    "TokenIssuer": "hagworm.extend.crypto.token",
    "TokenVerifier": "hagworm.extend.crypto.token",
    "check_hotp": "hagworm.extend.crypto.onetime",
    "check_totp": "hagworm.extend.crypto.onetime",
    "decrypt_rsa": "hagworm.extend.crypto.oaep",
    "derive_key": "hagworm.extend.crypto.derivation",
    "encrypt_rsa": "hagworm.extend.crypto.oaep",
    "hotp": "hagworm.extend.crypto.onetime",
    "legacy_sign_pkcs1": "hagworm.extend.crypto.signature",
    "legacy_sign_pkcs1_sha1": "hagworm.extend.crypto.signature",
    "legacy_verify_pkcs1": "hagworm.extend.crypto.signature",
    "legacy_verify_pkcs1_sha1": "hagworm.extend.crypto.signature",
    "new_key": "hagworm.extend.crypto.ring",
    "new_otp_secret": "hagworm.extend.crypto.onetime",
    "open_rsa": "hagworm.extend.crypto.oaep",
    "otp_url": "hagworm.extend.crypto.onetime",
    "seal_rsa": "hagworm.extend.crypto.oaep",
    "self_signed": "hagworm.extend.crypto.certificate",
    "totp": "hagworm.extend.crypto.onetime",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
