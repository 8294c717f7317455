"""X.509 for our own webhooks: an authority's certificate and key, and serving certificates that it signs.

Called by `certificates_store`, once `rotation` has said what to make; the PEM made here goes into a Secret, into files
for `webhooks.WebhookServer` and into the bundles that clients trust. Only ECDSA P-256: small and quick to make.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tidegate_chassis.rotation import Authority, Certificate, KeyedCertificate

CLOCK_SKEW_S: Final = 300.0
"""How far the API server's clock may be behind ours, and a new certificate still be valid there."""

COMMON_NAME_CHARACTERS_MAX: Final = 64
"""X.520's bound; the names that count are the alternative ones, which are longer."""

_NOTHING_ALLOWED: Final = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def make_authority(common_name: str, *, now_s: float, life_s: float) -> KeyedCertificate:
    """A new authority, which may sign servers and no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name)
    certificate = (
        _builder(name, name, key.public_key(), now_s, now_s + life_s)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyedCertificate(read_certificate(_pem(certificate)), _key_pem(key))


def issue(authority: Authority, names: Sequence[str], *, now_s: float, life_s: float) -> KeyedCertificate:
    """A serving certificate for these DNS names, which never outlives its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    signing_key = _signing_key(authority.present.key_pem)
    issuer = x509.load_pem_x509_certificate(authority.present.certificate.pem)
    end_s = min(now_s + life_s, authority.present.certificate.end_s)
    certificate = (
        _builder(_name(names[0]), issuer.subject, key.public_key(), now_s, end_s)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
        .sign(signing_key, hashes.SHA256())
    )
    return KeyedCertificate(read_certificate(_pem(certificate)), _key_pem(key))


def read_certificate(pem: bytes) -> Certificate:
    """Read one from PEM.

    Raises:
        ValueError: It is no certificate.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    return Certificate(
        _pem(certificate),
        certificate.not_valid_before_utc.timestamp() + CLOCK_SKEW_S,
        certificate.not_valid_after_utc.timestamp(),
    )


def read_keyed(certificate_pem: bytes, key_pem: bytes) -> KeyedCertificate:
    """Read a certificate with its key.

    Raises:
        ValueError: One of the two is no such thing, or they don't belong together.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    if _signing_key(key_pem).public_key() != certificate.public_key():
        raise ValueError("the key is not that of the certificate")
    return KeyedCertificate(read_certificate(certificate_pem), key_pem)


def _signing_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not one of ECDSA")  # noqa: TRY004 - what was read is wrong, not who called
    return key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start_s: float, end_s: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_time(start_s - CLOCK_SKEW_S))
        .not_valid_after(_time(end_s))
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**(_NOTHING_ALLOWED | dict.fromkeys(allowed, True)))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:COMMON_NAME_CHARACTERS_MAX])])


def _time(epoch_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(epoch_s), dt.UTC)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    unencrypted = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
