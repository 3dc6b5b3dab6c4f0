"""What the chip draws, by Nordic's figures: a sum of what is on and for how long, at 3 V and 25 degrees.

It is an estimate for comparing, no measurement: what is connected to the pins is not in it, and peripherals that work
while the processor is awake are in the figure for that.
"""

from collections.abc import Callable

# nRF52840 Product Specification v1.7 to v1.11, 5.2.1, typical values in microamperes.
ASLEEP = 3.16  # ION_RAMON_RTC: System ON, all of the RAM, woken by the RTC, which runs from the crystal
AWAKE_DCDC = 3300.0  # ICPU0: CoreMark from flash, with the DC/DC converter
AWAKE_LDO = 6300.0  # the same without
HIGH_CRYSTAL = 646.0  # ITIMER2: what needs the clock of high frequency, from the crystal; no figure is given for UARTE
HIGH_RC = 418.0  # ITIMER0: from the RC oscillator
# Channels of GPIOTE that look for edges: the nRF9160's IMCUON3 and IMCUON4, which are of the same kind.
EDGES = 16.2

# Anomaly 246: what may flow asleep without its workaround, as Nordic's description says.
ANOMALY_246 = 350.0


class Meter:
    """Adds up charge. `look` says what is on at a moment."""

    def __init__(self, look: Callable[[], "tuple[bool, float]"]) -> None:
        self._look = look
        self.charge = 0.0  # microamperes times picoseconds

    def passed(self, time: int, awake: int) -> None:
        """So much time has passed, part of it with the processor awake."""
        dcdc, asleep = self._look()
        self.charge += awake * (AWAKE_DCDC if dcdc else AWAKE_LDO) + (time - awake) * asleep
