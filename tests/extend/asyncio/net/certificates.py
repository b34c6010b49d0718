"""Certificates for tests: an authority of our own, and whom it vouches for."""

import atexit
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

__all__ = ("Certificates", "certificates")

PASSWORD = "opensesame"


@dataclass(frozen=True)
class Certificates:
    """Files in PEM."""

    authority: Path
    server: tuple[Path, Path]
    """For localhost and 127.0.0.1."""
    elsewhere: tuple[Path, Path]
    """For a host of another name."""
    expired: tuple[Path, Path]
    client: tuple[Path, Path]
    """Its key is encrypted with `PASSWORD`."""
    server_der: bytes


@cache
def certificates() -> Certificates:
    """Return certificates made for this run of the tests."""
    folder = Path(mkdtemp(prefix="hagworm-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hagworm tests")])
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority = folder / "authority.pem"
    authority.write_bytes(root.public_bytes(Encoding.PEM))

    def issue(label: str, hosts: list[x509.GeneralName], days: int = 2, password: str = "") -> tuple[Path, Path, bytes]:
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, label)]))
            .issuer_name(name)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        chain, private = folder / f"{label}.pem", folder / f"{label}.key"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM))
        lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        private.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        return chain, private, certificate.public_bytes(Encoding.DER)

    here: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    server = issue("server", here)
    return Certificates(
        authority,
        server[:2],
        issue("elsewhere", [x509.DNSName("elsewhere.example")])[:2],
        issue("expired", here, days=-1)[:2],
        issue("client", [x509.DNSName("client")], password=PASSWORD)[:2],
        server[2],
    )
