"""Handles of buffers that were lent. Whoever was cut short while it gave one back sees from the handles how far it had come."""

from cells import Buffer


def is_good(buffer: "Buffer | None") -> bool:
    """Whether this handle is the one that may be used."""
    try:
        return buffer is not None and len(buffer) > 0
    except RuntimeError:
        return False


def give_back(ours: "Buffer | None") -> None:
    """Make the lender's handle good again, unless that was done before this was cut short."""
    if ours is not None and is_good(ours):
        ours.give_back()


def take_back(ours: "Buffer | None", lent: "Buffer | None") -> bool:
    """The same, and whether the lender is still to be told: who has been told has passed its handle on."""
    give_back(ours)
    return is_good(lent)
