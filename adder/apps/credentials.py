"""Footers that vouch for a Tock binary: hashes, and signatures made with a key of the developer's.

Each covers all bytes before the footers. The keys are files in PKCS #8 (DER, as elf2tab takes them, or PEM).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adder.apps.tbf import Credentials, TbfError, Tlv
from adder.text import read_file

RESERVED = 0
HASHES = {256: 3, 384: 4, 512: 5}
"""By bits: the footer's format."""
LARGEST_KEY = 1 << 16
OVERHEAD = 8  # type, length, format


@dataclass(frozen=True)
class Hash:
    """A hash, which says that the binary is whole."""

    bits: int

    @property
    def size(self) -> int:
        """Bytes of the footer."""
        return OVERHEAD + self.bits // 8

    def make(self, covered: bytes) -> Credentials:
        """The footer for these bytes."""
        return Credentials(HASHES[self.bits], hashlib.new(f"sha{self.bits}", covered).digest())


def renewed(footer: Tlv, covered: bytes) -> Tlv:
    """The footer for bytes that have changed. Raises TbfError if that needs the developer's key."""
    if not isinstance(footer, Credentials) or footer.format == RESERVED:
        return footer
    for bits, number in HASHES.items():
        if footer.format == number:
            return Hash(bits).make(covered)
    kind = Credentials.FORMATS.get(footer.format, f"credentials of format {footer.format}")
    raise TbfError(f"it is signed ({kind}), also for its RAM; make it anew by `adder tbf --minimum-ram-size`.")


@dataclass(frozen=True)
class Rsa4096:
    """An RSA signature (PKCS #1 v1.5, SHA-512) with the public key's modulus before it."""

    key: Any
    size: int = OVERHEAD + 1024

    def make(self, covered: bytes) -> Credentials:
        """The footer for these bytes."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA512

        modulus = self.key.public_key().public_numbers().n.to_bytes(512, "big")
        return Credentials(2, modulus + self.key.sign(covered, PKCS1v15(), SHA512()))


@dataclass(frozen=True)
class EcdsaP256:
    """An ECDSA signature (SHA-256): r and s, 32 bytes each."""

    key: Any
    size: int = OVERHEAD + 64

    def make(self, covered: bytes) -> Credentials:
        """The footer for these bytes."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        r, s = decode_dss_signature(self.key.sign(covered, ECDSA(SHA256())))
        return Credentials(6, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


Voucher = Hash | Rsa4096 | EcdsaP256


def _read_key(path: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    data = read_file(path, LARGEST_KEY)
    load = load_pem_private_key if data.lstrip().startswith(b"-----BEGIN") else load_der_private_key
    try:
        return load(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TbfError(f"{path} is no private key in PKCS #8 (DER or PEM, without a password): {error}.") from error


def rsa4096(path: Path) -> Rsa4096:
    """Signatures with the RSA key in this file."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = _read_key(path)
    if not isinstance(key, RSAPrivateKey) or key.key_size != 4096:
        raise TbfError(f"{path} is no RSA key of 4096 bits.")
    return Rsa4096(key)


def ecdsa_p256(path: Path) -> EcdsaP256:
    """Signatures with the elliptic-curve key in this file."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey

    key = _read_key(path)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise TbfError(f"{path} is no key for the curve NIST P-256.")
    return EcdsaP256(key)


def sizes(vouchers: Sequence[Voucher]) -> int:
    """Bytes that their footers take."""
    return sum(voucher.size for voucher in vouchers)
