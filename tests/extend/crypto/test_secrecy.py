"""Nothing that is secret is shown: not by an object, not by an error, not by a traceback (R49)."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto import (
    AEAD,
    KeyRing,
    PasswordHasher,
    PrivateKey,
    TokenIssuer,
    TokenVerifier,
    check_hotp,
    check_totp,
    derive_key,
    hotp,
    self_signed,
)
from hagworm.extend.error import HagwormError

CANARY = "".join(("can", "ary", "-")) * 6
"""It stands in no source line that a traceback shows."""
CHEAP = PasswordHasher("argon2id", memory=64, passes=1)
COMMON: Any = {"algorithm": "HS256", "issuer": "login", "audience": "shop"}

OBJECTS: dict[str, Callable[[], object]] = {
    "ring": lambda: KeyRing(CANARY),
    "aead": lambda: AEAD(CANARY[:32].encode()),
    "issuer": lambda: TokenIssuer(CANARY.encode(), **COMMON),
    "verifier": lambda: TokenVerifier(Secret(CANARY), **COMMON),
    "key": lambda: PrivateKey.from_pem(PrivateKey.generate().pem(CANARY), CANARY),
    "certificate": lambda: self_signed(),
    "hasher": lambda: CHEAP,
}

ERRORS: dict[str, Callable[[], object]] = {
    "decrypt": lambda: KeyRing(CANARY).decrypt(CANARY.encode()),
    "decrypt text": lambda: KeyRing(CANARY).decrypt_text(CANARY),
    "ring twice": lambda: KeyRing(CANARY, CANARY),
    "aead": lambda: AEAD(CANARY.encode()),
    "short secret": lambda: derive_key(CANARY[:8], "use"),
    "secret that is no text": lambda: KeyRing(CANARY + "\ud800"),
    "passphrase that is no text": lambda: PrivateKey.generate().pem(CANARY + "\ud800"),
    "stored hash": lambda: CHEAP.verify(CANARY, CANARY),
    "long password": lambda: CHEAP.hash(CANARY * 100),
    "passphrase": lambda: PrivateKey.from_pem(PrivateKey.generate().pem("other"), CANARY),
    "pem": lambda: PrivateKey.from_pem(CANARY),
    "token": lambda: TokenVerifier(Secret(CANARY), **COMMON).verify(CANARY),
    "token of a verifier": lambda: TokenVerifier(b"k" * 32, **COMMON).verify(
        TokenIssuer(CANARY.encode(), **COMMON).issue({"password": CANARY})
    ),
    "token key": lambda: TokenVerifier(CANARY, **COMMON),  # type: ignore[arg-type]  # on purpose
    "otp secret": lambda: hotp(CANARY, 1),
    "otp code": lambda: check_hotp(CANARY.encode(), CANARY, 1),
    "totp code": lambda: check_totp(CANARY.encode(), CANARY, now=0),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_r49_objects_show_no_secret(name: str) -> None:
    made = OBJECTS[name]()

    assert CANARY[:7] not in f"{made!r}{made}"
    assert "PRIVATE" not in repr(made)


@pytest.mark.parametrize("name", ERRORS)
def test_r49_errors_and_their_tracebacks_show_no_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HagwormError) as caught:
        ERRORS[name]()

    logging.getLogger("hagworm").error("it failed", exc_info=caught.value)
    whole = "".join(traceback.format_exception(caught.value))

    assert CANARY[:7] not in f"{whole}{caught.value!r}{vars(caught.value)}{caplog.text}"
