"""A certificate that signs itself is believed by those who are told to, for its names, and only for a while."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from hagworm.extend.asyncio.net.tls import server_context, tls_context
from hagworm.extend.crypto.certificate import self_signed
from hagworm.extend.crypto.key import Kind, PrivateKey
from hagworm.extend.error import BadValue


def shake(folder: Path, host: str) -> str | None:
    """Have a client and a server shake hands in memory; return the version that they speak."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_context(folder / "cert.pem").wrap_bio(back, there, server_hostname=host)
    server = server_context((folder / "cert.pem", folder / "key.pem")).wrap_bio(there, back, server_side=True)

    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    return client.version()


@pytest.mark.parametrize("kind", ["p-256", "ed25519", "rsa"])
def test_a_server_is_believed_by_its_names(kind: Kind, tmp_path: Path) -> None:
    made = self_signed(("localhost", "127.0.0.1", "*.dev.example"), key=PrivateKey.generate(kind, bits=2048))
    made.save(tmp_path / "cert.pem", tmp_path / "key.pem")

    for host in ("localhost", "127.0.0.1", "shop.dev.example"):
        assert shake(tmp_path, host) == "TLSv1.3"

    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tmp_path, "elsewhere.example")


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    self_signed().save(tmp_path / "cert.pem", tmp_path / "key.pem", "opensesame")

    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cert.pem").stat().st_mode) == 0o644
    assert PrivateKey.load(tmp_path / "key.pem", "opensesame").kind == "p-256"


def test_it_says_its_names_and_its_time() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    made = self_signed(("localhost", "::1", "bücher.example"), days=7, now=now)
    read = x509.load_pem_x509_certificate(made.pem)
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost", "xn--bcher-kva.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("::1")]
    assert read.not_valid_before_utc == now - timedelta(hours=1)
    assert read.not_valid_after_utc == made.until == now + timedelta(days=7)
    assert "PRIVATE" not in repr(made)


def test_what_is_over_is_not_believed(tmp_path: Path) -> None:
    self_signed(days=1, now=datetime.now(UTC) - timedelta(days=2)).save(tmp_path / "cert.pem", tmp_path / "key.pem")

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake(tmp_path, "localhost")


@pytest.mark.parametrize("names", [(), ("",), ("a b",), ("http://x",), ("a/b",), ("a,DNS:b",), ("x" * 64,)], ids=str)
def test_what_is_no_name_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(BadValue):
        self_signed(names)


@pytest.mark.parametrize("days", [0, -1, 398])
def test_days_are_few(days: int) -> None:
    with pytest.raises(BadValue, match="397"):
        self_signed(days=days)
