"""A token is believed by its verifier, under the algorithm that was agreed on."""

import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.key import PrivateKey
from hagworm.extend.crypto.token import SCHEMES, TokenIssuer, TokenKey, TokenVerifier
from hagworm.extend.error import BadValue, KeyRefused, MissingExtra, TokenExpired, TokenRefused

NOW = 1_800_000_000.0
RSA, P256, ED = (PrivateKey.generate(kind, bits=2048) for kind in ("rsa", "p-256", "ed25519"))
KEYS: dict[str, TokenKey] = {
    "HS256": b"k" * 32,
    "HS384": Secret("k" * 48),
    "HS512": b"k" * 64,
    "ES256": P256,
    "Ed25519": ED,
    "EdDSA": ED,
    "PS256": RSA,
    "legacy_RS256": RSA,
    "A256GCM": b"k" * 32,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner), max_leaves=5
)


def pair(algorithm: Any, *, now: float = NOW, **options: Any) -> tuple[TokenIssuer, TokenVerifier]:
    key = KEYS[algorithm]
    known = key.public if isinstance(key, PrivateKey) else key
    common = {"algorithm": algorithm, "issuer": "login", "audience": "shop"}
    return (
        TokenIssuer(key, kid="k1", clock=lambda: NOW, **common),
        TokenVerifier({"k1": known}, clock=lambda: now, **{**common, **options}),
    )


def test_every_algorithm_is_tried() -> None:
    assert set(KEYS) == set(SCHEMES)


@pytest.mark.parametrize("algorithm", KEYS)
@settings(deadline=None, max_examples=20)
@given(claims=st.dictionaries(st.text(min_size=4), JSON, max_size=4))
def test_verify_is_the_inverse_of_issue(algorithm: str, claims: dict[str, Any]) -> None:
    issuer, verifier = pair(algorithm)
    said = verifier.verify(issuer.issue(claims))

    assert said.pop("jti")
    assert said == {"iss": "login", "aud": "shop", "iat": NOW, "exp": NOW + 900, **claims}


@pytest.mark.parametrize("algorithm", KEYS)
def test_r48_no_bit_of_a_token_changes(algorithm: str) -> None:
    issuer, verifier = pair(algorithm)
    token = issuer.issue({"sub": "ada"})

    for place in range(0, len(token), 3):
        with pytest.raises(TokenRefused):
            verifier.verify(token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :])


def test_k1_a_token_ends() -> None:
    issuer, verifier = pair("HS256", now=NOW + 929)
    token = issuer.issue()
    assert verifier.verify(token)

    _, late = pair("HS256", now=NOW + 930)

    with pytest.raises(TokenExpired):
        late.verify(token)


def test_keys_follow_each_other() -> None:
    common: dict[str, Any] = {"algorithm": "HS256", "issuer": "login", "audience": ["shop", "bank"]}
    old, new, unnamed = (
        TokenIssuer(key, algorithm="HS256", issuer="login", audience="bank", kid=kid)
        for key, kid in ((b"o" * 32, "old"), (b"n" * 32, "new"), (b"n" * 32, None))
    )
    both = TokenVerifier({"new": b"n" * 32, "old": b"o" * 32}, **common)

    assert both.verify(old.issue())["aud"] == both.verify(new.issue())["aud"] == "bank"
    assert TokenVerifier(b"n" * 32, **common).verify(unnamed.issue())
    assert TokenVerifier({"new": b"n" * 32}, **common).verify(unnamed.issue())

    with pytest.raises(TokenRefused) as caught:
        both.verify(unnamed.issue())

    assert caught.value.reason == "key"

    with pytest.raises(TokenRefused):
        TokenVerifier({"new": b"n" * 32}, **common).verify(old.issue())


def test_what_a_verifier_asks_for_must_be_there() -> None:
    issuer, verifier = pair("HS256", required=["sub", "scope"])
    assert verifier.verify(issuer.issue({"sub": "ada", "scope": "read"}))

    with pytest.raises(TokenRefused, match="scope"):
        verifier.verify(issuer.issue({"sub": "ada"}))


def test_a_token_is_not_valid_for_longer_than_may_be() -> None:
    issuer, verifier = pair("HS256", max_lifetime=900)
    assert verifier.verify(issuer.issue())

    with pytest.raises(TokenRefused, match="900"):
        verifier.verify(issuer.issue(lifetime=901))


def test_tokens_for_one_use_are_not_for_another() -> None:
    _, verifier = pair("HS256")
    issuer = TokenIssuer(
        b"k" * 32, algorithm="HS256", issuer="login", audience="shop", typ="reset+jwt", clock=lambda: NOW
    )

    with pytest.raises(TokenRefused, match="type"):
        verifier.verify(issuer.issue())

    assert pair("HS256", typ="reset+jwt")[1].verify(issuer.issue())


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "jti"])
def test_what_the_issuer_sets_nobody_else_does(name: str) -> None:
    with pytest.raises(BadValue, match=name):
        pair("HS256")[0].issue({name: 1})


def test_a_lifetime_is_more_than_nothing() -> None:
    for lifetime in (0, -1, float("nan"), float("inf")):
        with pytest.raises(BadValue, match="lifetime"):
            pair("HS256")[0].issue(lifetime=lifetime)

        with pytest.raises(BadValue, match="lifetime"):
            TokenIssuer(b"k" * 32, algorithm="HS256", issuer="login", audience="shop", lifetime=lifetime)


def test_claims_are_as_deep_as_may_be() -> None:
    issuer, verifier = pair("HS256")

    def nested(levels: int) -> Any:
        return [nested(levels - 1)] if levels else "[{" * 50 + '"\\'

    assert verifier.verify(issuer.issue({"a": nested(15)}))["a"] == nested(15)

    with pytest.raises(TokenRefused, match="one way"):
        verifier.verify(issuer.issue({"a": nested(16)}))


def test_claims_are_json() -> None:
    for value in (float("nan"), object(), b"x"):
        with pytest.raises(BadValue, match="JSON"):
            pair("HS256")[0].issue({"a": value})


WRONG: dict[str, tuple[str, Any]] = {
    "short": ("HS256", b"k" * 31),
    "short for 512": ("HS512", b"k" * 32),
    "empty": ("HS256", b""),
    "text": ("HS256", "k" * 32),
    "public pem": ("HS256", RSA.public.pem),
    "public pem, changed": ("HS256", b"  \n" + RSA.public.pem.replace(b"\n", b"\r\n")),
    "public der": ("HS256", RSA.public.raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "private pem": ("HS256", ED.pem()),
    "jwk": ("HS256", b'{"kty":"RSA","n":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'),
    "ssh": ("HS256", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"),
    "a key of two halves": ("HS256", ED),
    "another kind": ("PS256", ED),
    "another kind still": ("ES256", RSA),
    "bytes": ("PS256", RSA.pem()),
    "secret": ("Ed25519", b"k" * 32),
    "long": ("A256GCM", b"k" * 33),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_key_is_for_one_algorithm(name: str) -> None:
    algorithm, key = WRONG[name]
    common: Any = {"algorithm": algorithm, "issuer": "login", "audience": "shop"}

    with pytest.raises(KeyRefused):
        TokenIssuer(key, **common)

    with pytest.raises(KeyRefused):
        TokenVerifier({"k1": key}, **common)


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS1", "RS256"])
def test_algorithms_that_are_not_offered(algorithm: Any) -> None:
    with pytest.raises(BadValue, match="HS256"):
        TokenVerifier(b"k" * 32, algorithm=algorithm, issuer="login", audience="shop")


@pytest.mark.parametrize(
    "options",
    [{"leeway": 61}, {"leeway": -1}, {"issuer": ""}, {"audience": ()}, {"audience": ""}, {"typ": "a b"}],
    ids=lambda options: "-".join(f"{name}={value}" for name, value in options.items()),
)
def test_a_verifier_knows_what_it_believes(options: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        pair("HS256", **options)


def test_keys_have_names() -> None:
    common: Any = {"algorithm": "HS256", "issuer": "login", "audience": "shop"}

    with pytest.raises(BadValue):
        TokenVerifier({"": b"k" * 32}, **common)

    with pytest.raises(KeyRefused, match="at least one"):
        TokenVerifier({}, **common)

    with pytest.raises(KeyRefused, match="private"):
        TokenIssuer(ED.public, algorithm="Ed25519", issuer="login", audience="shop")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)

    with pytest.raises(MissingExtra, match=r"hagworm\[jwt\]"):
        pair("HS256")


def test_what_they_show_holds_no_key() -> None:
    for algorithm in KEYS:
        assert "kkkk" not in "".join(map(repr, pair(algorithm)))
