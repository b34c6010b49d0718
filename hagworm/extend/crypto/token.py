"""Tokens that say who somebody is (JWT, RFC 7519): signed or encrypted, under an algorithm that they do not choose."""

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hagworm.extend.base.codec.letters import decode_base64, encode_base64
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.derivation import key_bytes
from hagworm.extend.crypto.key import Kind, PrivateKey, PublicKey
from hagworm.extend.error import BadEncoding, BadValue, KeyRefused, TokenExpired, TokenRefused, extra

__all__ = ("TokenAlgorithm", "TokenIssuer", "TokenKey", "TokenVerifier")

TokenAlgorithm = Literal["HS256", "HS384", "HS512", "ES256", "Ed25519", "EdDSA", "PS256", "legacy_RS256", "A256GCM"]
"""`EdDSA` is the older name of `Ed25519`; `A256GCM` encrypts under a secret of 32 bytes, all others sign."""

TokenKey = PrivateKey | PublicKey | Secret | bytes
"""Never text: a public key in PEM is text, too, and must not become a secret."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What an algorithm needs."""

    name: str
    """As the header says it."""
    kind: Kind | Literal["secret"]
    size: int = 0
    """How many bytes a secret has to have; exactly so for encryption."""
    encryption: str = ""
    model: str = ""
    """What joserfc calls it, where that is something else."""


SCHEMES: dict[str, Scheme] = {
    "HS256": Scheme("HS256", "secret", 32),
    "HS384": Scheme("HS384", "secret", 48),
    "HS512": Scheme("HS512", "secret", 64),
    "ES256": Scheme("ES256", "p-256"),
    "Ed25519": Scheme("Ed25519", "ed25519"),
    "EdDSA": Scheme("EdDSA", "ed25519", model="Ed25519"),
    "PS256": Scheme("PS256", "rsa"),
    "legacy_RS256": Scheme("RS256", "rsa"),
    "A256GCM": Scheme("dir", "secret", 32, encryption="A256GCM"),
}

REFUSED = frozenset(("b64", "crit", "jku", "jwk", "x5c", "x5u", "zip"))
"""Headers that say where to get a key, or that a token means something else than it seems to."""
SET = frozenset(("aud", "exp", "iat", "iss", "jti"))
PUBLIC_KEY = re.compile(rb"-----BEGIN |---- BEGIN |ssh-|ecdsa-|\"kty\"")
# A text that does not end is taken to the end: no second look at any letter.
MARK = re.compile(r'"(?:[^"\\]++|\\.)*+\\?(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
DEEPEST = 16
LONGEST_HEADER = 1024
LATEST = 1 << 53
NAME = re.compile(r"[\x21-\x7e]{1,128}")


class TokenIssuer:
    """Makes tokens under one key: a `PrivateKey`, or a secret for `HS…` and `A256GCM`.

    `lifetime` is in seconds, `kid` the name by which a verifier finds the key, `typ` keeps tokens for one use from
    being taken for another (RFC 8725 section 3.11). `clock` returns seconds since 1970. Safe in any thread. Needs the
    extra `jwt`. Raises `KeyRefused` for a key that is not for `algorithm`, or too weak.
    """

    __slots__ = ("algorithm", "audience", "clock", "encode", "header", "issuer", "key", "lifetime", "scheme")

    def __init__(
        self,
        key: TokenKey,
        *,
        algorithm: TokenAlgorithm,
        issuer: str,
        audience: str,
        lifetime: float = 900.0,
        kid: str | None = None,
        typ: str = "JWT",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.algorithm = algorithm
        self.scheme = scheme = scheme_of(algorithm)
        self.issuer = require_name(issuer, "issuer")
        self.audience = require_name(audience, "audience")
        self.lifetime = lifetime
        self.clock = clock

        if not 0 < lifetime < LATEST:
            raise BadValue("a lifetime of more than 0 seconds", lifetime)

        if isinstance(key, PublicKey):
            raise KeyRefused(f"expected a private key or a secret, not {key!r}")

        self.header = {"alg": scheme.name, "typ": require_name(typ, "typ")}

        if scheme.encryption:
            self.header["enc"] = scheme.encryption

        if kid is not None:
            self.header["kid"] = require_name(kid, "kid")

        self.key = jose_key(scheme, key)
        self.encode = encryptor(scheme, self.key, self.header) if scheme.encryption else self.signing()

    def __repr__(self) -> str:
        return f"<TokenIssuer {self.algorithm} {self.issuer!r} for {self.audience!r}, {self.lifetime:g} s>"

    def issue(self, claims: Mapping[str, Any] | None = None, *, lifetime: float | None = None) -> str:
        """Return a token of `claims`, and of `iss`, `aud`, `iat`, `exp` and a random `jti`, which are set here.

        What is signed everybody can read. Raises `BadValue` for claims that are set here, or that JSON cannot hold.
        """
        given = dict(claims or {})

        if taken := SET & given.keys():
            raise BadValue(f"claims without {', '.join(sorted(taken))}, which the issuer sets")

        from secrets import token_urlsafe

        now = int(self.clock())
        seconds = self.lifetime if lifetime is None else lifetime

        if not 0 < seconds < LATEST:
            raise BadValue("a lifetime of more than 0 seconds", seconds)

        whole = {"iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + math.ceil(seconds)}

        try:
            text = json.dumps({**whole, "jti": token_urlsafe(16), **given}, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as exc:
            raise BadValue("claims that JSON can hold") from exc

        return self.encode(text.encode())

    def signing(self) -> Callable[[bytes], str]:
        sign, key = model_of(self.scheme, self.key).sign, self.key
        head = encode_base64(json.dumps(self.header, separators=(",", ":")))

        def encode(payload: bytes) -> str:
            text = f"{head}.{encode_base64(payload)}"
            return f"{text}.{encode_base64(sign(text.encode(), key))}"

        return encode


class TokenVerifier:
    """Believes tokens of one issuer, for one of its audiences, under one algorithm and one of `keys`.

    `keys` is a key, or keys by their `kid`, which only ever selects among them; where there are several a token has to
    say which. Whatever else a header says about keys (`jku`, `jwk`, `x5u`, `x5c`) is refused, as are `crit`, `b64` and
    `zip`; a token of another `alg` than `algorithm`, `none` first of all, is refused before anything is computed.

    Every token has an `exp`, and this `iss`, `aud` and `typ`; `required` are further claims that must be there. Clocks
    may differ by `leeway` seconds, at most 60; `max_lifetime` bounds the time between `iat` and `exp`. A token has at
    most `max_bytes`, and its JSON at most 16 levels. `clock` returns seconds since 1970. Safe in any thread. Needs the
    extra `jwt`.
    """

    __slots__ = (
        "algorithm",
        "audiences",
        "check",
        "clock",
        "issuer",
        "keys",
        "leeway",
        "max_bytes",
        "max_lifetime",
        "required",
        "scheme",
        "typ",
    )

    def __init__(
        self,
        keys: TokenKey | Mapping[str, TokenKey],
        *,
        algorithm: TokenAlgorithm,
        issuer: str,
        audience: str | Iterable[str],
        typ: str = "JWT",
        required: Iterable[str] = (),
        leeway: float = 30.0,
        max_lifetime: float | None = None,
        max_bytes: int = 8192,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.algorithm = algorithm
        self.scheme = scheme = scheme_of(algorithm)
        self.issuer = require_name(issuer, "issuer")
        names = (audience,) if isinstance(audience, str) else tuple(audience)
        self.audiences = frozenset(require_name(name, "audience") for name in names)
        self.typ = kind_of_token(require_name(typ, "typ"))
        self.required = tuple(required)
        self.leeway = leeway
        self.max_lifetime = max_lifetime
        self.max_bytes = max_bytes
        self.clock = clock

        if not 0 <= leeway <= 60:
            raise BadValue("a leeway of 0 to 60 seconds", leeway)

        if not self.audiences:
            raise BadValue("at least one audience")

        named = keys if isinstance(keys, Mapping) else {"": keys}

        if isinstance(keys, Mapping) and "" in keys:
            raise BadValue("keys by their names, none of which is empty")

        self.keys = {name and require_name(name, "kid"): jose_key(scheme, key) for name, key in named.items()}

        if not self.keys:
            raise KeyRefused("expected at least one key")

        self.check = decryptor(scheme) if scheme.encryption else checker(scheme, next(iter(self.keys.values())))

    def __repr__(self) -> str:
        names = ", ".join(name or "the key" for name in self.keys)
        return f"<TokenVerifier {self.algorithm} {self.issuer!r} for {sorted(self.audiences)}: {names}>"

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of `token`; raise `TokenRefused`, for one that is over `TokenExpired`.

        The error's `reason` is for the log: whoever sent the token is told no more than that it is not believed.
        """
        # What a caller without types hands on is refused as well.
        is_text = isinstance(token, str)

        if not is_text or len(token) > self.max_bytes or not token.isascii():
            raise TokenRefused(f"expected a token of at most {self.max_bytes} bytes of ASCII")

        parts = token.split(".")

        if len(parts) != (5 if self.scheme.encryption else 3):
            raise TokenRefused("the token does not have the parts of its algorithm")

        try:
            pieces = [decode_canonical(part) for part in parts]
        except BadEncoding:
            raise TokenRefused("the token is not base64 as it is written") from None

        key = self.key_for(self.read_header(pieces[0]))
        payload = self.check(token, parts, pieces, key)
        claims = read_object(payload, "claims")
        self.check_claims(claims)
        return claims

    def read_header(self, data: bytes) -> dict[str, Any]:
        if len(data) > LONGEST_HEADER:
            raise TokenRefused(f"expected a header of at most {LONGEST_HEADER} bytes", "header")

        header = read_object(data, "header")

        if header.get("alg") != self.scheme.name or header.get("enc", "") != self.scheme.encryption:
            raise TokenRefused(f"the token is not of the algorithm {self.algorithm}", "algorithm")

        if refused := REFUSED & header.keys():
            raise TokenRefused(f"the header has {', '.join(sorted(refused))}, which is not taken", "header")

        typ = header.get("typ")

        if not isinstance(typ, str) or kind_of_token(typ) != self.typ:
            raise TokenRefused(f"the token is not of the type {self.typ!r}", "header")

        return header

    def key_for(self, header: dict[str, Any]) -> Any:
        kid = header.get("kid", "")

        if not isinstance(kid, str):
            raise TokenRefused("the name of the key is no text", "header")

        if "" in self.keys:
            return self.keys[""]

        key = next(iter(self.keys.values())) if not kid and len(self.keys) == 1 else self.keys.get(kid)

        if key is None:
            raise TokenRefused("the token is of no key that is known", "key")

        return key

    def check_claims(self, claims: dict[str, Any]) -> None:
        now = self.clock()

        if missing := [name for name in ("exp", *self.required) if claims.get(name) is None]:
            raise TokenRefused(f"the token does not say {', '.join(missing)}", "claims")

        ends, begins, made = (moment_of(claims, name) for name in ("exp", "nbf", "iat"))

        if claims.get("iss") != self.issuer:
            raise TokenRefused(f"the token is not of {self.issuer!r}", "claims")

        given = claims.get("aud")
        audiences = [given] if isinstance(given, str) else given

        if not isinstance(audiences, list) or not all(isinstance(name, str) for name in audiences):
            raise TokenRefused("the audience of the token is neither text nor a list of it", "claims")

        if self.audiences.isdisjoint(audiences):
            raise TokenRefused(f"the token is not for {', '.join(sorted(self.audiences))}", "claims")

        if not all(isinstance(claims.get(name, ""), str) for name in ("sub", "jti")):
            raise TokenRefused("the subject or the id of the token is no text", "claims")

        if self.max_lifetime is not None and (made is None or ends is None or ends - made > self.max_lifetime):
            raise TokenRefused(f"the token is valid for more than {self.max_lifetime:g} seconds", "time")

        if max(begins or 0, made or 0) > now + self.leeway:
            raise TokenRefused("the token is from the future", "time")

        if ends is None or ends <= now - self.leeway:
            raise TokenExpired


def scheme_of(algorithm: str) -> Scheme:
    if (scheme := SCHEMES.get(algorithm)) is None:
        raise BadValue(f"one of {', '.join(SCHEMES)}", algorithm)

    return scheme


def jose_key(scheme: Scheme, key: TokenKey) -> Any:
    """Return the key as joserfc wants it; raise `KeyRefused` where it is not for the algorithm."""
    with extra("jwt"):
        from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    if scheme.kind == "secret":
        if not isinstance(key, bytes | Secret):
            raise KeyRefused(f"expected a secret for {scheme.name}, as bytes or a Secret, not {type(key).__name__}")

        secret = key_bytes(key, shortest=scheme.size)

        if PUBLIC_KEY.search(secret):
            raise KeyRefused("expected a secret, not a key that others know")

        if scheme.encryption and len(secret) != scheme.size:
            raise KeyRefused(f"expected a secret of {scheme.size} bytes, not {len(secret)}")

        try:
            return OctKey.import_key(secret)
        except ValueError:
            raise KeyRefused("expected a secret, not a key that others know") from None

    if not isinstance(key, PrivateKey | PublicKey) or key.kind != scheme.kind:
        found = key.kind if isinstance(key, PrivateKey | PublicKey) else type(key).__name__
        raise KeyRefused(f"expected a key of the kind {scheme.kind!r} for {scheme.name}, not {found}")

    make: Any = {"rsa": RSAKey, "p-256": ECKey, "ed25519": OKPKey}[scheme.kind]
    return make.import_key(key.raw)


def model_of(scheme: Scheme, key: Any) -> Any:
    """Return what signs and verifies in joserfc."""
    from joserfc.jws import JWSRegistry

    name = scheme.model or scheme.name
    model = JWSRegistry(algorithms=[name]).get_alg(name)
    model.check_key(key)
    return model


def checker(scheme: Scheme, key: Any) -> Callable[[str, list[str], list[bytes], Any], bytes]:
    verify = model_of(scheme, key).verify

    def check(token: str, parts: list[str], pieces: list[bytes], key: Any) -> bytes:
        try:
            fits = verify(token[: token.rindex(".")].encode(), pieces[2], key)
        except ValueError:  # a signature that cannot even be one
            fits = False

        if not fits:
            raise TokenRefused("the signature is not that of the token under this key", "signature")

        return pieces[1]

    return check


def encryptor(scheme: Scheme, key: Any, header: dict[str, str]) -> Callable[[bytes], str]:
    from joserfc.jwe import JWERegistry, encrypt_compact

    registry = JWERegistry(algorithms=[scheme.name, scheme.encryption])
    return lambda payload: encrypt_compact(dict(header), payload, key, registry=registry)


def decryptor(scheme: Scheme) -> Callable[[str, list[str], list[bytes], Any], bytes]:
    from cryptography.exceptions import InvalidTag
    from joserfc.errors import JoseError
    from joserfc.jwe import JWERegistry, decrypt_compact

    registry = JWERegistry(algorithms=[scheme.name, scheme.encryption], strict_check_header=False)

    def decrypt(token: str, parts: list[str], pieces: list[bytes], key: Any) -> bytes:
        try:
            payload = decrypt_compact(token, key, registry=registry).plaintext
        except (InvalidTag, JoseError, ValueError):
            payload = None

        if payload is None:
            raise TokenRefused("the token has not been encrypted under this key, or has been changed", "signature")

        return payload

    return decrypt


def decode_canonical(part: str) -> bytes:
    if "=" in part:
        raise BadEncoding("base64 without padding")

    return decode_base64(part)


def read_object(data: bytes, reason: str) -> dict[str, Any]:
    """Return a JSON object that says nothing twice and is not too deep; raise `TokenRefused`."""
    try:
        text = data.decode()
        check_depth(text)
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise TokenRefused("the token does not hold JSON that can be read in one way only", reason) from None

    if not isinstance(value, dict):
        raise TokenRefused("the token does not hold an object", reason)

    return value


def check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return

    depth = 0

    for match in MARK.finditer(text):
        mark = match[0]
        depth += 1 if mark in "[{" else -1 if mark in "]}" else 0

        if depth > DEEPEST:
            raise ValueError("too deep")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)

    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")

    return found


def refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def moment_of(claims: dict[str, Any], name: str) -> float | None:
    """Return seconds since 1970; None where the claim is not there."""
    value = claims.get(name)

    if name not in claims:
        return None

    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST:
        raise TokenRefused(f"{name} is no time", "claims")

    return value


def kind_of_token(typ: str) -> str:
    """Return a type as it is compared (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/")


def require_name(text: object, what: str) -> str:
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise BadValue(f"{what}: 1 to 128 visible characters of ASCII", text)

    return text
