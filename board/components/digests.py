"""What computes digests for user programs: each capsule with the buffers of its own computation."""

from cells import Buffer
from kernel import Grant

import config

if config.CAPSULE_CRC:
    from capsules.core.crc import CrcDriver
if config.CAPSULE_SHA:
    from capsules.core.sha import ShaDriver
if config.CAPSULE_HMAC:
    from capsules.core.hmac import HmacDriver
if config.SHA_256:
    from capsules.virtual.sha256 import DIGEST, SIZE, Sha256


def sums(grant: Grant) -> "CrcDriver":
    """The capsule that computes checksums."""
    return CrcDriver(grant)


def hashes(grant: Grant) -> "ShaDriver":
    """The capsule that hashes."""
    return ShaDriver(grant, Sha256(Buffer(SIZE)))


def codes(grant: Grant) -> "HmacDriver":
    """The capsule that authenticates messages."""
    return HmacDriver(grant, Sha256(Buffer(SIZE + DIGEST)))
