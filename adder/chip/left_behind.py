"""States of the chip that a bootloader, or an earlier program, may leave behind: left_behind.toml has them."""

import tomllib
from pathlib import Path
from typing import Any

from unicorn import arm_const as arm

from adder.chip.nrf52840 import Chip
from adder.chip.time import MILLISECOND

FILE = Path(__file__).with_suffix(".toml")

STATES: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text())


def leave(chip: Chip, state: str, milliseconds: float = 0.4) -> None:
    """Bring a chip that has just been switched on into this state; it lasts for so long before the kernel starts."""
    found = STATES[state]
    for address, value in found["writes"]:
        chip.write_register(address, value)
    for name, value in found.get("processor", {}).items():
        chip.cpu.uc.reg_write(getattr(arm, f"UC_ARM_REG_{name}"), value)
    chip.clock.reasons |= found.get("reasons", 0)
    chip.time.now += round(milliseconds * MILLISECOND)
    chip.time.fire()
