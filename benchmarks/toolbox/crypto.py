"""What signing, encrypting and tokens cost beside the libraries underneath, called directly.

    python benchmarks/toolbox/crypto.py [--rounds 15]

Candidates take turns inside every round; medians in microseconds of CPU per call and their ratio are printed. The peers
are `cryptography`, which is always there, and `joserfc` (`pip install "hagworm[jwt]"`); that one is missing is said.
"""

import argparse
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hagworm.extend.crypto import AEAD, KeyRing, PrivateKey, TokenIssuer, TokenVerifier, new_key
from hagworm.extend.crypto.token import TokenAlgorithm, TokenKey

Call = Callable[[], object]
Case = tuple[str, Call, str, Call, int]
"""What is done, ours, whose the other one is, theirs, how many times in a round."""

DATA = b"x" * 64
LARGE = b"x" * 65536


def signing() -> list[Case]:
    key = PrivateKey.generate("rsa", bits=2048)
    pem = key.pem()
    raw = key.raw
    assert isinstance(raw, RSAPrivateKey)
    digest = hashes.SHA256()
    pad = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
    signature = key.sign(DATA)
    public = raw.public_key()
    any_pad = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
    return [
        (
            "RSA-2048 sign",
            lambda: key.sign(DATA),
            "cryptography",
            lambda: raw.sign(DATA, pad, digest),
            20,
        ),
        (
            "RSA-2048 sign",
            lambda: key.sign(DATA),
            "load every time",
            lambda: load_pem_private_key(pem, None).sign(DATA, pad, digest),  # type: ignore[call-arg, union-attr, arg-type]  # RSA
            5,
        ),
        (
            "RSA-2048 verify",
            lambda: key.public.verify(signature, DATA),
            "cryptography",
            lambda: public.verify(signature, DATA, any_pad, digest),
            200,
        ),
    ]


def encrypting() -> list[Case]:
    key = os.urandom(32)
    gcm, chacha, bare, other = AEAD(key), AEAD(key, "chacha20-poly1305"), AESGCM(key), ChaCha20Poly1305(key)
    sealed = gcm.encrypt(DATA)
    ring, fernet = KeyRing(new_key()), Fernet(Fernet.generate_key())
    ours, theirs = ring.encrypt_text(DATA), fernet.encrypt(DATA)

    def encrypt(cipher: AESGCM | ChaCha20Poly1305, data: bytes) -> Call:
        def call() -> bytes:
            nonce = os.urandom(12)
            return nonce + cipher.encrypt(nonce, data, None)

        return call

    return [
        ("AES-256-GCM 64 B", lambda: gcm.encrypt(DATA), "cryptography", encrypt(bare, DATA), 2000),
        ("AES-256-GCM 64 KiB", lambda: gcm.encrypt(LARGE), "cryptography", encrypt(bare, LARGE), 200),
        ("ChaCha20 64 KiB", lambda: chacha.encrypt(LARGE), "cryptography", encrypt(other, LARGE), 100),
        (
            "AES-256-GCM open 64 B",
            lambda: gcm.decrypt(sealed),
            "cryptography",
            lambda: bare.decrypt(sealed[:12], sealed[12:], None),
            2000,
        ),
        ("text token", lambda: ring.encrypt_text(DATA), "Fernet", lambda: fernet.encrypt(DATA), 1000),
        (
            "text token, open",
            lambda: ring.decrypt_text(ours, max_age=3600),
            "Fernet",
            lambda: fernet.decrypt(theirs, ttl=3600),
            1000,
        ),
    ]


def tokens() -> list[Case]:
    from joserfc import jwt
    from joserfc.jwk import OctKey, OKPKey

    secret, ed = os.urandom(32), PrivateKey.generate()
    claims = {"sub": "ada", "scope": "read write"}
    cases: list[Case] = []

    def add(algorithm: TokenAlgorithm, key: TokenKey, known: TokenKey, jose: OctKey | OKPKey) -> None:
        issuer = TokenIssuer(key, algorithm=algorithm, issuer="login", audience="shop")
        verifier = TokenVerifier(known, algorithm=algorithm, issuer="login", audience="shop")
        token = issuer.issue(claims)
        registry = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": "login"},
            aud={"essential": True, "value": "shop"},
            exp={"essential": True},
        )

        def verify() -> None:
            registry.validate(jwt.decode(token, jose, algorithms=[algorithm]).claims)

        cases.append((f"{algorithm} token verify", lambda: verifier.verify(token), "joserfc", verify, 500))
        cases.append(
            (
                f"{algorithm} token issue",
                lambda: issuer.issue(claims),
                "joserfc",
                lambda: jwt.encode(
                    {"alg": algorithm},
                    {**claims, "iss": "login", "aud": "shop", "iat": int(time.time()), "exp": int(time.time()) + 900},
                    jose,
                    algorithms=[algorithm],
                ),
                500,
            )
        )

    add("HS256", secret, secret, OctKey.import_key(secret))
    add("Ed25519", ed, ed.public, OKPKey.import_key(ed.pem()))
    return cases


def measure(call: Call, times: int) -> float:
    """Return microseconds of CPU per call."""
    start = time.process_time_ns()

    for _ in range(times):
        call()

    return (time.process_time_ns() - start) / times / 1000


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    cases = [*signing(), *encrypting()]

    if find_spec("joserfc") is None:
        print('joserfc is not installed: pip install "hagworm[jwt]"')
    else:
        cases += tokens()

    times: list[tuple[list[float], list[float]]] = [([], []) for _ in cases]

    for round_number in range(options.rounds):
        for (_, ours, _, theirs, count), (mine, others) in zip(cases, times, strict=True):
            for call, found in ((ours, mine), (theirs, others))[:: 1 if round_number % 2 else -1]:
                found.append(measure(call, count))

    print(f"{'us of CPU per call':24}{'hagworm':>10}{'peer':>10}{'ratio':>8}  peer")

    for (name, _, peer, _, _), (mine, others) in zip(cases, times, strict=True):
        own, other = median(mine), median(others)
        print(f"{name:24}{own:10.2f}{other:10.2f}{own / other:8.2f}  {peer}")


if __name__ == "__main__":
    main()
