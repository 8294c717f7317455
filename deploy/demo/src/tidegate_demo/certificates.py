"""A certificate authority for one run, and serving certificates of it in files: for webhooks inside a sandbox.

Used by `webhooks`, for the bench and the tests. A cluster of one's own has cert-manager, or certificates of its own.
"""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE = dt.timedelta(days=1)
LOOPBACK = "127.0.0.1"


class Files(NamedTuple):
    certificate: Path
    key: Path


class Authority:
    """Signs what is served on the sandbox's loopback address."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("an authority of the sandbox")
        builder = _builder(self._name, self._name, self._key)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = builder.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())

    @property
    def bundle(self) -> bytes:
        """What a client has to trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def serve(self, directory: Path) -> Files:
        """A new serving certificate, in place of one that is there already."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
        builder = _builder(_name("a webhook in the sandbox"), self._name, key)
        certificate = builder.add_extension(address, critical=False).sign(self._key, hashes.SHA256())
        files = Files(directory / "tls.crt", directory / "tls.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + LIFE)
    )
