"""A password is kept so that it can be recognised, and not be found."""

import pytest

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto import password as room
from hagworm.extend.crypto.password import Costs, PasswordHasher, digest
from hagworm.extend.error import BadValue, LimitExceeded
from tests.extend.crypto.vectors import blocks

CHEAP = {
    "argon2id": PasswordHasher("argon2id", memory=64, passes=1),
    "scrypt": PasswordHasher("scrypt", scrypt_log_n=10),
}
FOREIGN = {
    "argon2 of the reference": (
        "password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    "scrypt of passlib": (
        "password",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ),
}
"""The argon2 command's own test, and the example in the documentation of passlib."""


@pytest.mark.parametrize("scheme", CHEAP)
@pytest.mark.parametrize(
    "password", ["opensesame", "", "grün 密码", "x" * 1024], ids=["short", "none", "letters", "long"]
)
def test_a_password_is_recognised(scheme: str, password: str) -> None:
    hasher = CHEAP[scheme]
    stored = hasher.hash(password)

    assert hasher.verify(password, stored)
    assert hasher.verify(Secret(password), stored)
    assert not hasher.verify(password + "x", stored)
    assert not hasher.needs_rehash(stored)
    assert hasher.hash(password) != stored
    assert stored.startswith(f"${scheme}$")


def test_letters_are_the_same_however_they_were_typed() -> None:
    hasher = CHEAP["argon2id"]

    assert hasher.verify("gru\u0308n", hasher.hash("grün"))


@pytest.mark.parametrize("name", FOREIGN)
def test_what_others_have_stored_is_recognised(name: str) -> None:
    password, stored = FOREIGN[name]

    assert PasswordHasher().verify(password, stored)
    assert not PasswordHasher().verify(password[1:], stored)
    assert PasswordHasher().needs_rehash(stored)


def test_r49_vectors_of_argon2id() -> None:
    seen = 0

    for _, fields in blocks("KDF/argon2id.txt"):
        if not fields.get("secret") and not fields.get("ad"):
            memory, passes, lanes = (int(fields[name]) for name in ("memcost", "iter", "lanes"))
            costs = Costs("argon2id", memory, passes, lanes, bytes.fromhex(fields["salt"]))
            made = digest(bytes.fromhex(fields["pass"]), costs, int(fields["length"]))

            assert made.hex() == fields["output"].lower()
            seen += 1

    assert seen >= 3


def test_r49_vectors_of_scrypt() -> None:
    seen = 0

    for _, fields in blocks("KDF/scrypt.txt"):
        n, block, parallel = (int(fields[name]) for name in ("n", "r", "p"))

        if n <= 1 << 14:
            costs = Costs("scrypt", 128 * block * n // 1024, parallel, 1, fields["salt"].encode(), block)
            made = digest(fields["password"].encode(), costs, int(fields["length"]))

            assert made.hex() == fields["derived_key"]
            seen += 1

    assert seen >= 3


def test_without_argon2_it_is_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "has_argon2", lambda: False)
    hasher = PasswordHasher(scrypt_log_n=10)

    assert hasher.hash("opensesame").startswith("$scrypt$ln=10,r=8,p=1$")
    assert hasher.verify("opensesame", hasher.hash("opensesame"))


def test_a_user_who_is_not_there_costs_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = room.digest

    def counted(password: bytes, costs: Costs, size: int = 32) -> bytes:
        made.append(costs.memory)
        return real(password, costs, size)

    monkeypatch.setattr(room, "digest", counted)

    assert not CHEAP["argon2id"].verify("opensesame", None)
    assert made == [64]


@pytest.mark.parametrize(
    "change",
    [{"memory": 128}, {"passes": 2}, {"lanes": 2}, {"scheme": "scrypt"}],
    ids=lambda change: next(iter(change)),
)
def test_other_costs_are_a_reason_to_hash_again(change: dict[str, int | str]) -> None:
    stored = CHEAP["argon2id"].hash("opensesame")
    later = PasswordHasher(**{"memory": 64, "passes": 1, "scrypt_log_n": 10, **change})  # type: ignore[arg-type]  # mixed

    assert later.needs_rehash(stored)
    assert later.verify("opensesame", stored)
    assert not later.needs_rehash(later.hash("opensesame"))


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "canary",
        "$2b$12$canary",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=0,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$canary",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPd",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\n",
    ],
    ids=str,
)
def test_what_is_no_hash_is_told_without_showing_it(stored: str) -> None:
    with pytest.raises(BadValue) as caught:
        CHEAP["argon2id"].verify("opensesame", stored)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "head", ["argon2id$v=19$m=2000000,t=1,p=1", "argon2id$v=19$m=64,t=900000000,p=1", "scrypt$ln=40,r=8,p=1",
             "scrypt$ln=10,r=8,p=9999", "argon2id$v=19$m=800,t=1,p=100"], ids=str
)  # fmt: skip
def test_a_stored_hash_cannot_stop_the_service(head: str) -> None:
    with pytest.raises(LimitExceeded):
        CHEAP["scrypt"].verify("x", f"${head}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")


def test_a_password_is_not_a_novel() -> None:
    with pytest.raises(LimitExceeded, match="1024"):
        CHEAP["argon2id"].hash("x" * 1025)

    assert not CHEAP["argon2id"].verify("x" * 1025, CHEAP["argon2id"].hash("x"))


@pytest.mark.parametrize(
    "wrong",
    [{"scheme": "md5"}, {"lanes": 0}, {"passes": 0}, {"memory": 7}, {"scrypt_log_n": 9}, {"memory": 1 << 20}],
    ids=lambda wrong: next(iter(wrong)) + str(next(iter(wrong.values()))),
)
def test_costs_that_cannot_be_are_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(BadValue):
        PasswordHasher(**wrong)  # type: ignore[arg-type]  # on purpose
