"""A policy lets through what it is for, and says why it does not let through the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import URLRefused
from hagworm.extend.net.policy import URLPolicy, hide_secrets

REFUSED = {
    "http://example.org:8080/": "port",
    "ftp://example.org/": "http",
    "file:///etc/passwd": "http",
    "gopher://example.org/": "http",
    "http://": "no host",
    "http://user:word@example.org/": "user name",
    "http://example.org@127.0.0.1/": "user name",
    "http://127.0.0.1/": "127.0.0.1",
    "http://127.1/": "another spelling",
    "http://[::1]/": "::1",
    "http://[::ffff:10.0.0.1]/": "10.0.0.1",
    "http://[fe80::1%25eth0]/": "zone",
    "http://localhost/": "this network",
    "http://printer.local./": "this network",
    "http://metadata.google.internal/": "this network",
    "http://example.org\\@127.0.0.1/": "character",
    "http://exa mple.org/": "character",
    "http://example.org:99999/": "ort",
    "http://[::1/": "IPv6",
}


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_what_may_not_be_asked_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(URLRefused, match=reason) as caught:
        URLPolicy().check_url(url)

    assert caught.value.retryable is False


@pytest.mark.parametrize("url", ["http://example.org/a?b", "https://8.8.8.8", "https://[2606:4700:4700::1111]:443/"])
def test_what_is_public_may_be_asked(url: str) -> None:
    URLPolicy().check_url(url)


def test_only_the_hosts_of_a_list_may_be_asked() -> None:
    policy = URLPolicy(hosts=["api.example.org", ".example.com"])
    policy.check_url("https://api.example.org./")
    policy.check_url("https://a.b.example.com/")

    for url in ("https://example.org/", "https://example.com/", "https://evil-example.com/", "https://8.8.8.8/"):
        with pytest.raises(URLRefused, match="none of those"):
            policy.check_url(url)


def test_networks_of_a_list_may_be_asked_as_well_or_only_they() -> None:
    URLPolicy(networks=["10.1.0.0/16"]).check_url("http://10.1.2.3/")
    inside = URLPolicy(networks=["10.1.0.0/16"], public=False)
    inside.check_address("x", "10.1.2.3")

    for address in ("8.8.8.8", "10.2.0.1", "nonsense"):
        with pytest.raises(URLRefused):
            inside.check_address("x", address)


def test_an_address_in_a_disguise_is_named_with_what_it_is() -> None:
    with pytest.raises(URLRefused, match=r"2002:7f00:1::, which is a way to 127\.0\.0\.1"):
        URLPolicy().check_address("x", "2002:7f00:1::")


def test_a_policy_of_unknown_schemes_is_refused() -> None:
    with pytest.raises(ValueError, match="'ftp'"):
        URLPolicy(schemes=["ftp"])


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_nothing_secret_is_shown_of_a_url(user: str, word: str, query: str) -> None:
    hidden = hide_secrets(f"https://u{user.replace('/', '')}:p{word}@host/path?token={query}#x".replace("\n", ""))
    assert "token" not in hidden or "token" in user + word


def test_what_is_shown_of_a_url_is_where_it_leads() -> None:
    assert hide_secrets("https://u:p@host:1/a/b?token=1#x") == "https://host:1/a/b?…"
    assert hide_secrets("https://host/") == "https://host/"
    assert len(hide_secrets("https://host/" + "a" * 5000)) == 200
    assert "policy" in repr(URLPolicy()).lower()
