# refused: CP027 as component
"""A recipe that asks the hardware what there is to be made."""

from capsules.hil.gpio import Pin


def pins(pin: Pin) -> int:
    return pin.read()
