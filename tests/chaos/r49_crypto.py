"""R49: nothing that was changed is decrypted, no nonce repeats, nobody waits for a password, no secret is shown.

`--long` encrypts 2**20 times, changes every bit of longer tokens and verifies more passwords.
"""

import asyncio
import logging
import pkgutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hagworm.extend import crypto
from hagworm.extend.asyncio.password import PasswordHasher
from hagworm.extend.crypto import AEAD, CounterNonces, KeyRing, PrivateKey, RandomNonces, open_rsa, seal_rsa
from hagworm.extend.crypto.aead import OVERHEAD
from hagworm.extend.crypto.nonce import NONCE_SIZE
from hagworm.extend.error import DecryptFailed, HagwormError
from tests.chaos.bar import Bar, Trial, main

PROMISE = (
    "what was changed, cut or is another key's is refused in one and the same way, nonces never repeat, the loop never"
    " waits 20 ms for a password, and no text shows a secret"
)

MILLISECOND = 0.001
BLOCKED = 0.02
WEAK = ("ecb", "cbc", "pkcs1", "v15", "sha1", "md5", "des", "rc4")
"""What a name may hold only after `legacy_`."""


def tell(call: Callable[[], object]) -> str:
    """Return what is told of a failure: its type, its text and what it came from; empty where there is none."""
    try:
        call()
    except DecryptFailed as exc:
        hidden = exc.__cause__ is None and (exc.__context__ is None or exc.__suppress_context__)
        return f"{type(exc).__name__}: {exc}{'' if hidden else ' from something'}"

    return ""


def changes(token: bytes) -> list[bytes]:
    """Return every token that differs by a bit, every one that is cut, and some that are longer."""
    made = [token[:length] for length in range(len(token))] + [token + b"\0", b"\0" + token, token + token]

    for place in range(8 * len(token)):
        changed = bytearray(token)
        changed[place // 8] ^= 1 << place % 8
        made.append(bytes(changed))

    return made


def tamper(bar: Bar, trial: Trial, lock: Callable[[bytes], bytes], unlock: Callable[[bytes], bytes]) -> None:
    data = bar.random.randbytes(4096 if bar.is_long else 200)
    token = lock(data)
    wrong = changes(token)
    told = {tell(lambda bad=bad: unlock(bad)) for bad in wrong}  # type: ignore[misc]  # a lambda with a default
    trial.note(tried=len(wrong), told=sorted(told))
    trial.expect(unlock(token) == data, "what was not changed comes back")
    trial.expect(told == {f"DecryptFailed: {DecryptFailed()}"}, f"one answer, not {sorted(told)}")


def tamper_all(bar: Bar) -> None:
    key = bar.random.randbytes(32)
    gcm, chacha = AEAD(key), AEAD(key, "chacha20-poly1305")
    ring = KeyRing(bar.random.randbytes(32), bar.random.randbytes(32), purpose="r49")

    for name, lock, unlock in (
        ("aes-256-gcm", gcm.encrypt, gcm.decrypt),
        ("chacha20-poly1305", chacha.encrypt, chacha.decrypt),
        ("key ring", ring.encrypt, lambda token: ring.decrypt(token, max_age=600)),
    ):
        with bar.trial(f"every bit of {name}") as trial:
            tamper(bar, trial, lock, unlock)

    with bar.trial("bits of an envelope by RSA") as trial:
        private = PrivateKey.generate("rsa", bits=2048)
        token = seal_rsa(private.public, b"data")
        wrong = [token[:length] for length in range(0, len(token), 16)]

        for place in bar.random.sample(range(8 * len(token)), 2000 if bar.is_long else 100):
            changed = bytearray(token)
            changed[place // 8] ^= 1 << place % 8
            wrong.append(bytes(changed))

        told = {tell(lambda bad=bad: open_rsa(private, bad)) for bad in wrong}  # type: ignore[misc]  # as above
        trial.note(tried=len(wrong))
        trial.expect(told == {f"DecryptFailed: {DecryptFailed()}"}, f"one answer, not {sorted(told)}")

    with bar.trial("another key") as trial:
        token = ring.encrypt(b"data")
        others = [KeyRing(bar.random.randbytes(32), purpose="r49"), KeyRing(bar.random.randbytes(32))]
        told = {tell(lambda other=other: other.decrypt(token)) for other in others}  # type: ignore[misc]  # as above
        trial.expect(told == {f"DecryptFailed: {DecryptFailed()}"}, f"one answer, not {sorted(told)}")


def repeat(bar: Bar) -> None:
    count = 1 << (20 if bar.is_long else 14)

    for nonces in (RandomNonces(), CounterNonces(b"r49")):
        with bar.trial(f"nonces of {type(nonces).__name__}") as trial:
            aead = AEAD(bar.random.randbytes(32), nonces=nonces)
            seen = {aead.encrypt(b"")[:NONCE_SIZE] for _ in range(count)}
            trial.note(encryptions=count)
            trial.expect(len(seen) == count, f"{count - len(seen)} nonces came twice")

    with bar.trial("nonces of a key ring") as trial:
        ring = KeyRing(bar.random.randbytes(32))
        at = len(ring.encrypt(b"")) - OVERHEAD
        seen = {ring.encrypt(b"")[at : at + NONCE_SIZE] for _ in range(count)}
        trial.note(encryptions=count)
        trial.expect(len(seen) == count, f"{count - len(seen)} nonces came twice")


@dataclass(slots=True)
class Watch:
    """How long the loop was not there, in seconds: at the longest, by the clock and by the processor of its thread."""

    clock: float = 0.0
    processor: float = 0.0

    async def look(self, until: asyncio.Event) -> None:
        clock, processor = time.perf_counter(), time.thread_time()

        while not until.is_set():
            await asyncio.sleep(MILLISECOND)
            now, used = time.perf_counter(), time.thread_time()
            self.clock = max(self.clock, now - clock)
            self.processor = max(self.processor, used - processor)
            clock, processor = now, used


async def verify_watched(hasher: PasswordHasher, password: str, stored: str) -> tuple[bool, Watch]:
    stop, watch = asyncio.Event(), Watch()
    looking = asyncio.create_task(watch.look(stop))
    found = await hasher.verify(password, stored)
    stop.set()
    await looking
    return found, watch


async def verify_many(trial: Trial, rules: crypto.PasswordHasher, count: int) -> None:
    async with PasswordHasher(rules) as hasher:
        stored = await hasher.hash("opensesame")
        began = time.perf_counter()
        seen = [await verify_watched(hasher, f"opensesame{'x' * (number % 2)}", stored) for number in range(count)]
        each = (time.perf_counter() - began) / count
        # Other processes hold up the loop in some of them; what holds the interpreter does so in all.
        clock = min(watch.clock for _, watch in seen)
        processor = max(watch.processor for _, watch in seen)
        trial.note(verified=count, each=each, clock=clock, processor=processor)
        trial.expect([found for found, _ in seen] == [number % 2 == 0 for number in range(count)], "found right")
        trial.expect(clock <= BLOCKED, f"the loop stood still for {clock:.3f} s each time")
        trial.expect(processor <= BLOCKED, f"the loop was busy for {processor:.3f} s")


def block(bar: Bar) -> None:
    for name, rules, count in (
        ("argon2id", crypto.PasswordHasher("argon2id"), 8),
        ("scrypt", crypto.PasswordHasher("scrypt"), 4),
    ):
        with bar.trial(f"passwords by {name}") as trial:
            asyncio.run(verify_many(trial, rules, count * 10 if bar.is_long else count))


def name_old(bar: Bar) -> None:
    with bar.trial("what is weak says so") as trial:
        names = []

        for found in pkgutil.iter_modules(crypto.__path__):
            module = import_module(f"hagworm.extend.crypto.{found.name}")
            names += [name for name in module.__all__ if any(weak in name.lower() for weak in WEAK)]

        trial.note(names=sorted(names))
        trial.expect(all(name.startswith("legacy_") for name in names), f"legacy_ before each of {names}")


def show(bar: Bar) -> None:
    canary = f"canary{bar.random.getrandbits(128):032x}"
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("hagworm.r49")
    logger.addHandler(handler)
    logger.propagate = False
    calls: dict[str, Callable[[], object]] = {
        "decrypt": lambda: KeyRing(canary).decrypt_text(canary),
        "key": lambda: AEAD(canary.encode()),
        "passphrase": lambda: PrivateKey.from_pem(PrivateKey.generate().pem("other"), canary),
        "password": lambda: crypto.PasswordHasher().verify(canary, canary),
        "code": lambda: crypto.check_totp(canary.encode(), canary, now=0),
    }

    for name, call in calls.items():
        with bar.trial(f"text of {name}") as trial:
            try:
                call()
            except HagwormError as exc:
                logger.exception("%r", exc)
                stream.write("".join(traceback.format_exception(exc)))
            else:
                trial.expect(False, "it fails")

            trial.expect(canary not in stream.getvalue(), "no secret in a log or traceback")

    with bar.trial("text of objects") as trial:
        private = PrivateKey.from_pem(PrivateKey.generate().pem(canary), canary)
        shown = f"{KeyRing(canary)!r}{AEAD(canary[:32].encode())!r}{private!r}"
        trial.expect("canary" not in shown, "no secret in what they show")

    logger.removeHandler(handler)


def run(bar: Bar) -> None:
    """Make every trial."""
    tamper_all(bar)
    repeat(bar)
    block(bar)
    name_old(bar)
    show(bar)


if __name__ == "__main__":
    main(__file__, PROMISE, run)
