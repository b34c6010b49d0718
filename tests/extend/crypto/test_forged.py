"""R48: of all forged tokens not one is believed, and not one is anything else than refused."""

import pytest

from hagworm.extend.crypto.token import TokenIssuer
from hagworm.extend.error import TokenRefused
from tests.extend.crypto.forged import AUDIENCE, FORGERIES, ISSUER, NOW, SECRET, Forgery, forger


def test_r48_there_are_150_of_them_with_a_name_each() -> None:
    assert len({(forgery.target, forgery.name) for forgery in FORGERIES}) == len(FORGERIES) >= 150


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: f"{forgery.target}-{forgery.name}")
def test_r48_a_forged_token_is_refused(forgery: Forgery) -> None:
    made = forger()
    token = forgery.make(made)

    with pytest.raises(TokenRefused) as caught:
        made.verifiers[forgery.target].verify(token)

    assert caught.value.reason
    assert "canary" not in f"{caught.value!r}{caught.value}"


def test_r48_what_the_forgers_start_from_is_believed() -> None:
    made = forger()

    assert made.verifiers["HS256"].verify(made.hs()) == made.claims
    assert made.verifiers["HS256"].verify(made.hs({"typ": "application/jwt"}))["sub"] == "ada"
    assert made.verifiers["HS256"].verify(made.hs(claims=made.claims_but(aud=["other", AUDIENCE])))["sub"] == "ada"
    assert made.verifiers["HS256"].verify(made.hs(claims=made.claims_but(exp=NOW - 29)))["sub"] == "ada"
    assert made.verifiers["HS256"].verify(made.hs(claims=made.claims_but(nbf=NOW + 30)))["sub"] == "ada"


def test_r48_every_letter_of_a_token_counts() -> None:
    issuer = TokenIssuer(
        SECRET, algorithm="HS256", issuer=ISSUER, audience=AUDIENCE, kid="one", clock=lambda: float(NOW)
    )
    verifier = forger().verifiers["HS256"]
    token = issuer.issue({"sub": "ada"})
    assert verifier.verify(token)["sub"] == "ada"

    for place, letter in enumerate(token):
        for other in {"A", "B", "_", "."} - {letter}:
            with pytest.raises(TokenRefused):
                verifier.verify(token[:place] + other + token[place + 1 :])
