"""Tokens that nobody must believe, each with the attack that it tries (R48)."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hagworm.extend.crypto.key import PrivateKey
from hagworm.extend.crypto.signature import legacy_sign_pkcs1
from hagworm.extend.crypto.token import TokenKey, TokenVerifier

__all__ = ("AUDIENCE", "FORGERIES", "ISSUER", "NOW", "SECRET", "Forger", "Forgery", "forger")

NOW, LEEWAY = 1_800_000_000, 30
ISSUER, AUDIENCE = "https://login.example", "shop"
SECRET = b"canary-of-the-token-secret-32-bytes!"
SEALING = b"canary-of-the-sealing-secret-32!"
Target = str


def b64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Forger:
    """Keys of ours, keys of the attacker's, and verifiers of ours."""

    rsa: PrivateKey
    p256: PrivateKey
    ed: PrivateKey
    attacker: PrivateKey
    verifiers: dict[Target, TokenVerifier]

    @property
    def claims(self) -> dict[str, Any]:
        return {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW, "exp": NOW + 600}

    def claims_but(self, **changes: Any) -> dict[str, Any]:
        """Return claims of which some are changed, or, with `...`, are not there."""
        return {name: value for name, value in {**self.claims, **changes}.items() if value is not ...}

    def raw(self, header: str | bytes, payload: str | bytes, sign: Callable[[bytes], bytes] | None = None) -> str:
        """Return a token of these very bytes, signed right by the secret unless it is said how."""
        text = f"{b64(header)}.{b64(payload)}"
        made = hmac.digest(SECRET, text.encode(), "sha256") if sign is None else sign(text.encode())
        return f"{text}.{b64(made)}"

    def hs(self, header: Any = None, claims: Any = None, key: bytes = SECRET, digest: str = "sha256") -> str:
        """Return a token signed by HMAC, right as long as nothing is said."""
        whole = {"alg": "HS256", "typ": "JWT", "kid": "one", **(header or {})}
        present = {name: value for name, value in whole.items() if value is not ...}
        payload = dump(self.claims if claims is None else claims)
        return self.raw(dump(present), payload, lambda data: hmac.digest(key, data, digest))

    def public_forms(self, key: PrivateKey) -> dict[str, bytes]:
        """Return what an attacker may take for the secret of a verifier that confuses keys."""
        pem = key.public.pem
        der = key.public.raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            "pem": pem,
            "pem stripped": pem.strip(),
            "pem crlf": pem.replace(b"\n", b"\r\n"),
            "pem of more space": b" \n" + pem.replace(b"\n", b"\n\n"),
            "pem of one line": b"".join(pem.splitlines()),
            "body of pem": b"\n".join(pem.splitlines()[1:-1]),
            "der": der,
            "jwk": dump({"kty": key.kind, "k": b64(der)}).encode(),
            "fingerprint": key.public.fingerprint.encode(),
        }


@dataclass(frozen=True, slots=True)
class Forgery:
    """One attack."""

    name: str
    target: Target
    make: Callable[[Forger], Any]


@cache
def forger() -> Forger:
    """Return keys made for this run."""
    rsa, p256 = PrivateKey.generate("rsa", bits=2048), PrivateKey.generate("p-256")
    ed, attacker = PrivateKey.generate(), PrivateKey.generate("rsa", bits=2048)

    def verifier(algorithm: Any, key: TokenKey) -> TokenVerifier:
        other: TokenKey = PrivateKey.generate(key.kind, bits=2048).public if isinstance(key, PrivateKey) else b"o" * 32
        first = key.public if isinstance(key, PrivateKey) else key
        return TokenVerifier(
            {"one": first, "two": other},
            algorithm=algorithm,
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY,
            clock=lambda: NOW,
        )

    verifiers = {
        "HS256": verifier("HS256", SECRET),
        "PS256": verifier("PS256", rsa),
        "RS256": verifier("legacy_RS256", rsa),
        "ES256": verifier("ES256", p256),
        "Ed25519": verifier("Ed25519", ed),
        "A256GCM": verifier("A256GCM", SEALING),
    }
    return Forger(rsa, p256, ed, attacker, verifiers)


def own_key(forger: Forger, target: Target) -> PrivateKey:
    return {"PS256": forger.rsa, "RS256": forger.rsa, "ES256": forger.p256, "Ed25519": forger.ed}[target]


def forge_none() -> list[Forgery]:
    algorithms = ["none", "None", "NONE", "nOnE", "", None, ..., 0, ["none"], {"alg": "none"}, " none", "none\0"]

    def unsigned(algorithm: Any) -> Callable[[Forger], str]:
        return lambda forger: forger.hs({"alg": algorithm}).rpartition(".")[0] + "."

    return [
        Forgery(f"alg {number} {ascii(algorithm)}", target, unsigned(algorithm))
        for target in ("HS256", "PS256", "ES256", "Ed25519")
        for number, algorithm in enumerate(algorithms)
    ]


def forge_confusion() -> list[Forgery]:
    forms = ["pem", "pem stripped", "pem crlf", "pem of more space", "pem of one line", "body of pem", "der", "jwk"]

    def confuse(target: Target, form: str, algorithm: str) -> Callable[[Forger], str]:
        return lambda forger: forger.hs({"alg": algorithm}, key=forger.public_forms(own_key(forger, target))[form])

    return [
        Forgery(f"{target} as secret of {algorithm}: {form}", target, confuse(target, form, algorithm))
        for target in ("PS256", "RS256", "ES256", "Ed25519")
        for form in [*forms, "fingerprint"]
        for algorithm in ("HS256", target)
    ]


def forge_keys() -> list[Forgery]:
    keys = {"empty": b"", "zero": b"\0", "secret": b"secret", "None": b"None", "zeros": bytes(32), "other": b"o" * 32}
    kids: dict[str, tuple[Any, bytes]] = {
        "path": ("../../../../dev/null", b""),
        "path with NUL": ("/etc/hostname\0.key", b""),
        "sql": ("x' UNION SELECT 'aaa", b"aaa"),
        "command": ("one|whoami", SECRET),
        "url": ("https://evil.example/key", b""),
        "unknown": ("three", SECRET),
        "other case": ("ONE", SECRET),
        "space": ("one ", SECRET),
        "empty": ("", SECRET),
        "missing": (..., SECRET),
        "null": (None, SECRET),
        "number": (1, SECRET),
        "list": (["one"], SECRET),
        "object": ({"one": 1}, SECRET),
        "long": ("one" * 100_000, SECRET),
        "another one": ("two", SECRET),
        "attribute": ("__class__", b""),
    }
    extra: dict[str, Any] = {
        "crit exp": {"crit": ["exp"], "exp": 1},
        "crit of nothing": {"crit": []},
        "crit as text": {"crit": "exp"},
        "crit unknown": {"crit": ["http://example.com/unknown"], "http://example.com/unknown": True},
        "crit alg": {"crit": ["alg"]},
        "crit b64": {"crit": ["b64"], "b64": False},
        "b64": {"b64": False},
        "zip": {"zip": "DEF"},
        "jku": {"jku": "https://evil.example/jwks.json"},
        "jku file": {"jku": "file:///etc/passwd"},
        "x5u": {"x5u": "https://evil.example/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "jwk": {"jwk": {"kty": "oct", "k": b64(b"k" * 32)}},
        "enc": {"enc": "A256GCM"},
    }

    def headed(header: dict[str, Any], key: bytes = SECRET) -> Callable[[Forger], str]:
        return lambda forger: forger.hs(header, key=key)

    return [
        *(Forgery(f"key {name}", "HS256", headed({}, key)) for name, key in keys.items()),
        *(Forgery(f"kid {name}", "HS256", headed({"kid": kid}, key)) for name, (kid, key) in kids.items()),
        *(Forgery(f"header {name}", "HS256", headed(header)) for name, header in extra.items()),
        *(Forgery(f"header {name}, other key", "HS256", headed(extra[name], b"k" * 32)) for name in ("jku", "jwk")),
        Forgery("HS512 of the same secret", "HS256", lambda forger: forger.hs({"alg": "HS512"}, digest="sha512")),
        Forgery("HS512 said, HS256 made", "HS256", lambda forger: forger.hs({"alg": "HS512"})),
    ]


def forge_forms() -> list[Forgery]:
    good = '{"alg":"HS256","typ":"JWT","kid":"one"}'
    deep, wide = "[" * 100_000, '{"a":' * 1500
    headers: dict[str, str | bytes] = {
        "nested 100k": deep,
        "nested 300": good[:-1] + ',"a":' + "[" * 300 + "]" * 300 + "}",
        "twice alg": '{"alg":"none","alg":"HS256","typ":"JWT","kid":"one"}',
        "list": "[]",
        "text": '"HS256"',
        "null": "null",
        "empty": "",
        "cut": good[:-1],
        "more behind": good + "{}",
        "utf-16": good.encode("utf-16"),
        "bom": "\ufeff" + good,
        "not utf-8": good.encode()[:-1] + b',"a":"\xff"}',
        "long": good[:-1] + ',"a":"' + "x" * 2000 + '"}',
    }
    claims: dict[str, Callable[[str], str | bytes]] = {
        "nested 100k": lambda text: deep,
        "nested objects": lambda text: wide,
        "nested 300": lambda text: text[:-1] + ',"a":' + "[" * 300 + "]" * 300 + "}",
        "twice exp": lambda text: text[:-1] + ',"exp":9999999999}',
        "nan": lambda text: text[:-1] + ',"nbf":NaN}',
        "infinity": lambda text: text.replace(str(NOW + 600), "Infinity"),
        "1e400": lambda text: text.replace(str(NOW + 600), "1e400"),
        "many digits": lambda text: text.replace(str(NOW + 600), "9" * 5000),
        "list": lambda text: f"[{text}]",
        "null": lambda text: "null",
        "number": lambda text: "1",
        "empty": lambda text: "",
        "cut": lambda text: text[:-1],
        "more behind": lambda text: text + "x",
        "utf-16": lambda text: text.encode("utf-16"),
        "utf-32": lambda text: text.encode("utf-32"),
        "not utf-8": lambda text: text.encode()[:-1] + b',"a":"\xff"}',
        "huge": lambda text: text[:-1] + ',"a":"' + "x" * 100_000 + '"}',
    }

    def claimed(change: Callable[[str], str | bytes]) -> Callable[[Forger], str]:
        return lambda forger: forger.raw(good, change(dump(forger.claims)))

    def headed(header: str | bytes) -> Callable[[Forger], str]:
        return lambda forger: forger.raw(header, dump(forger.claims))

    texts: dict[str, Callable[[str], Any]] = {
        "padding": lambda token: token + "=",
        "line break": lambda token: token + "\n",
        "space before": lambda token: " " + token,
        "other alphabet": lambda token: token[:-3] + "+/A",
        "bits that say nothing": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
        "letter more": lambda token: token + "A",
        "part more": lambda token: token + ".AAAA",
        "two parts": lambda token: token.rpartition(".")[0],
        "no signature": lambda token: token.rpartition(".")[0] + ".",
        "no header": lambda token: token[token.index(".") :],
        "no claims": lambda token: token.partition(".")[0] + ".." + token.rpartition(".")[2],
        "dots": lambda token: "..",
        "empty": lambda token: "",
        "NUL": lambda token: token + "\0",
        "not ascii": lambda token: token + "é",
        "surrogate": lambda token: token + "\ud800",
        "dots without end": lambda token: "." * 1_000_000,
        "bearer": lambda token: "Bearer " + token,
        "bytes": lambda token: token.encode(),
        "nothing": lambda token: None,
        "number": lambda token: 7,
        "list": lambda token: [token],
        "json": lambda token: dump(dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))),
    }

    def written(change: Callable[[str], Any]) -> Callable[[Forger], Any]:
        return lambda forger: change(forger.hs())

    return [
        *(Forgery(f"header {name}", "HS256", headed(header)) for name, header in headers.items()),
        *(Forgery(f"claims {name}", "HS256", claimed(change)) for name, change in claims.items()),
        *(Forgery(f"text {name}", "HS256", written(change)) for name, change in texts.items()),
    ]


def forge_claims() -> list[Forgery]:
    changes: dict[str, tuple[str, Any]] = {
        "aud other": ("aud", "bank"),
        "aud missing": ("aud", ...),
        "aud empty": ("aud", ""),
        "aud of nobody": ("aud", []),
        "aud number": ("aud", 1),
        "aud object": ("aud", {AUDIENCE: 1}),
        "aud longer": ("aud", AUDIENCE + "s"),
        "aud shorter": ("aud", AUDIENCE[:-1]),
        "aud upper case": ("aud", AUDIENCE.upper()),
        "aud of numbers": ("aud", [1, AUDIENCE]),
        "aud nested": ("aud", [[AUDIENCE]]),
        "iss other": ("iss", "https://evil.example"),
        "iss part": ("iss", "login.example"),
        "iss longer": ("iss", ISSUER + "/"),
        "iss missing": ("iss", ...),
        "iss null": ("iss", None),
        "iss list": ("iss", [ISSUER]),
        "exp missing": ("exp", ...),
        "exp null": ("exp", None),
        "exp over": ("exp", NOW - LEEWAY - 1),
        "exp at the edge": ("exp", NOW - LEEWAY),
        "exp text": ("exp", str(NOW + 600)),
        "exp true": ("exp", True),
        "exp negative": ("exp", -1),
        "exp list": ("exp", [NOW + 600]),
        "exp beyond all time": ("exp", 1 << 80),
        "nbf to come": ("nbf", NOW + LEEWAY + 1),
        "nbf text": ("nbf", "0"),
        "nbf null": ("nbf", None),
        "iat to come": ("iat", NOW + LEEWAY + 1),
        "iat text": ("iat", "0"),
        "sub number": ("sub", 1),
        "sub list": ("sub", ["ada"]),
        "jti number": ("jti", 1),
    }
    types: dict[str, Any] = {"other": "at+jwt", "missing": ..., "number": 1, "list": ["JWT"], "null": None}

    def claimed(name: str, value: Any) -> Callable[[Forger], str]:
        return lambda forger: forger.hs(claims=forger.claims_but(**{name: value}))

    def typed(value: Any) -> Callable[[Forger], str]:
        return lambda forger: forger.hs({"typ": value})

    return [
        *(Forgery(name, "HS256", claimed(*change)) for name, change in changes.items()),
        *(Forgery(f"typ {name}", "HS256", typed(value)) for name, value in types.items()),
    ]


def forge_signatures() -> list[Forgery]:
    def signed(algorithm: str, sign: Callable[[Forger, bytes], bytes]) -> Callable[[Forger], str]:
        header = dump({"alg": algorithm, "typ": "JWT", "kid": "one"})
        return lambda forger: forger.raw(header, dump(forger.claims), lambda data: sign(forger, data))

    cases: dict[str, tuple[Target, str, Callable[[Forger, bytes], bytes]]] = {
        "ES256 of zeros": ("ES256", "ES256", lambda forger, data: bytes(64)),
        "ES256 of nothing": ("ES256", "ES256", lambda forger, data: b""),
        "ES256 in DER": ("ES256", "ES256", lambda forger, data: forger.p256.sign(data)),
        "ES256 too long": ("ES256", "ES256", lambda forger, data: bytes(65)),
        "ES256 of ones": ("ES256", "ES256", lambda forger, data: b"\xff" * 64),
        "Ed25519 of zeros": ("Ed25519", "Ed25519", lambda forger, data: bytes(64)),
        "Ed25519 cut": ("Ed25519", "Ed25519", lambda forger, data: forger.ed.sign(data)[:-1]),
        "Ed25519 of other data": ("Ed25519", "Ed25519", lambda forger, data: forger.ed.sign(data + b" ")),
        "EdDSA for Ed25519": ("Ed25519", "EdDSA", lambda forger, data: forger.ed.sign(data)),
        "PS256 by another": ("PS256", "PS256", lambda forger, data: forger.attacker.sign(data)),
        "PS256 made as RS256": ("PS256", "PS256", lambda forger, data: legacy_sign_pkcs1(forger.rsa, data)),
        "RS256 for PS256": ("PS256", "RS256", lambda forger, data: legacy_sign_pkcs1(forger.rsa, data)),
        "PS256 for RS256": ("RS256", "PS256", lambda forger, data: forger.rsa.sign(data)),
        "RS256 made as PS256": ("RS256", "RS256", lambda forger, data: forger.rsa.sign(data)),
        "RS256 of zeros": ("RS256", "RS256", lambda forger, data: bytes(256)),
        "RS256 of nothing": ("RS256", "RS256", lambda forger, data: b""),
        "HS256 of nothing": ("HS256", "HS256", lambda forger, data: b""),
        "HS256 cut": ("HS256", "HS256", lambda forger, data: hmac.digest(SECRET, data, "sha256")[:16]),
        "HS256 by SHA-1": ("HS256", "HS256", lambda forger, data: hmac.digest(SECRET, data, "sha1")),
    }
    good = {"alg": "dir", "enc": "A256GCM", "typ": "JWT", "kid": "one"}

    def sealed(*pieces: bytes, **header: Any) -> Callable[[Forger], str]:
        return lambda forger: ".".join([b64(dump({**good, **header})), *map(b64, pieces)])

    rest = (b"", bytes(12), b"x" * 40, bytes(16))
    return [
        *(Forgery(name, target, signed(said, sign)) for name, (target, said, sign) in cases.items()),
        Forgery("JWE made up", "A256GCM", sealed(*rest)),
        Forgery("JWE without tag", "A256GCM", sealed(b"", bytes(12), b"x" * 40, b"")),
        Forgery("JWE of a short tag", "A256GCM", sealed(b"", bytes(12), b"x" * 40, bytes(4))),
        Forgery("JWE of a short nonce", "A256GCM", sealed(b"", bytes(1), b"x" * 40, bytes(16))),
        Forgery("JWE with a key", "A256GCM", sealed(b"k" * 32, *rest[1:])),
        Forgery("JWE that is packed", "A256GCM", sealed(*rest, zip="DEF")),
        Forgery("JWE of RSA1_5", "A256GCM", sealed(bytes(256), *rest[1:], alg="RSA1_5")),
        Forgery("JWE of RSA-OAEP", "A256GCM", sealed(bytes(256), *rest[1:], alg="RSA-OAEP-256")),
        Forgery("JWE of a password", "A256GCM", sealed(bytes(40), *rest[1:], alg="PBES2-HS256+A128KW", p2c=1 << 31)),
        Forgery("JWE of CBC", "A256GCM", sealed(*rest, enc="A128CBC-HS256")),
        Forgery("JWE without enc", "A256GCM", sealed(*rest, enc=None)),
        Forgery("JWE for a signature", "HS256", sealed(*rest)),
        Forgery("signature for a JWE", "A256GCM", lambda forger: forger.hs()),
    ]


FORGERIES = [
    *forge_none(),
    *forge_confusion(),
    *forge_keys(),
    *forge_forms(),
    *forge_claims(),
    *forge_signatures(),
]
