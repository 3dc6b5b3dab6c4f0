"""The storage stack: regions in a range of the flash, and the capsule that serves them."""

from cells import Buffer
from kernel import Grant, InterruptLine
from micropython import const

import config
from capsules.core.nonvolatile_storage import NonvolatileStorage
from capsules.hil.flash import Flash
from capsules.virtual.flash_regions import AROUND, FlashRegions

_LONGEST = const(512)  # bytes that one request moves
_COPIED = const(128)  # bytes that are copied at once when a region moves to another page
_HEAD = const(16)


def storage_stack(flash: Flash, grant: Grant, line: InterruptLine) -> NonvolatileStorage:
    """Wire the stack; returns the capsule that serves the storage's driver number."""
    regions = FlashRegions(flash, line, Buffer(_COPIED), Buffer(_HEAD))
    return NonvolatileStorage(regions, grant, Buffer(_LONGEST + AROUND), config.STORAGE_PIECES)
