"""SPI master with EasyDMA: nRF52840 Product Specification v1.7, "SPIM", registers in its section "Registers".

Give it SPIM0 to SPIM2. SPIM3, which alone goes beyond 8 MHz, has two anomalies that this does not work around: 195,
current after it was switched off, and 198, wrong bytes sent while others use the same block of RAM. Anomaly 58, an
additional clock for one byte, is of engineering samples only.

Both directions always have a buffer: the driver's own byte where the client has none. What goes beyond it is the
over-read character (ORC), and what comes in beyond it is dropped. So no transfer meets what another one left in the
registers.
"""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.hil.gpio import Pins
from capsules.hil.spi import ChipSelect, SpiClient

# SPIM, "Registers"
_START = const(0x010)
_END = const(0x118)
_INTENSET = const(0x304)
_ENABLE = const(0x500)
_PSEL_SCK = const(0x508)
_PSEL_MOSI = const(0x50C)
_PSEL_MISO = const(0x510)
_FREQUENCY = const(0x524)
_CONFIG = const(0x554)
_ORC = const(0x5C0)

_INT_END = const(1 << 6)
_ENABLED = const(7)
_CPHA = const(1 << 1)  # CONFIG
_CPOL = const(1 << 2)
_SLOWEST = const(125_000)  # FREQUENCY: 125 kHz is 1 << 25, and each doubling of it one bit more
_SLOWEST_BIT = const(25)
_RATES = const(7)  # 125 kHz to 8 MHz
_FIRST_RATE = const(1_000_000)
_NOTHING = const(0xFF)  # what is sent for a client that has nothing to send
_MOST = const(0xFFFF)  # xXD.MAXCNT: 16 bits
_PULL_NONE = const(0)  # capsules/hil/gpio.py


class Spim:
    """A HIL Spi. Pins are numbers, 32 for P1.00; `chip` is the pin that is low during a transfer."""

    def __init__(
        self, registers: Registers, line: InterruptLine, pins: Pins, sck: int, mosi: int, miso: int, chip: ChipSelect
    ) -> None:
        self._registers = registers
        self._start = registers.field(_START, 0, 32)
        self._ended = registers.field(_END, 0, 1)
        self._client: "SpiClient | None" = None
        self._sent: "Buffer | None" = None  # our handles of the client's buffers
        self._received: "Buffer | None" = None
        self._sent_lent: "Buffer | None" = None  # and the client's
        self._received_lent: "Buffer | None" = None
        self._over = False  # the client is being told, or that was cut short
        self._chip = chip
        self._clock = pins.pin(sck)
        self._no_write = Buffer(1)
        self._no_write[0] = _NOTHING
        self._no_read = Buffer(1)
        self._busy = False
        self._holding = False
        self._held = False  # the chip is low between transfers
        self._hertz = 0
        self._polarity = 0
        self._phase = 0
        # SPIM, "Master mode pin configuration"
        self._clock.clear()
        self._clock.make_output()
        data = pins.pin(mosi)
        data.clear()
        data.make_output()
        pins.pin(miso).make_input(_PULL_NONE)
        chip.set()
        chip.make_output()
        registers.write(_ENABLE, 0)
        registers.write(_PSEL_SCK, sck)
        registers.write(_PSEL_MOSI, mosi)
        registers.write(_PSEL_MISO, miso)
        registers.write(_CONFIG, 0)
        registers.write(_ORC, _NOTHING)
        self._ended(0)
        registers.write(_INTENSET, _INT_END)
        line.enable(self._interrupt)
        registers.write(_ENABLE, _ENABLED)
        self.set_rate(_FIRST_RATE)

    def set_client(self, client: SpiClient) -> None:
        self._client = client

    def transfer(self, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        if self._busy:
            return ErrorCode.BUSY
        if write is read:
            return ErrorCode.INVAL
        if not 1 <= length <= _MOST:
            return ErrorCode.SIZE
        if (write is not None and length > len(write)) or (read is not None and length > len(read)):
            return ErrorCode.SIZE
        self._over = False
        self._sent_lent = write
        self._received_lent = read
        self._sent = sent = self._no_write if write is None else write.move(self)
        self._received = received = self._no_read if read is None else read.move(self)
        self._busy = True
        self._registers.start_dma("tx", sent, length if write is not None else 1)
        self._registers.start_dma("rx", received, length if read is not None else 1)
        self._held = self._holding
        self._ended(0)
        self._chip.clear()
        self._start(1)
        return 0

    def _interrupt(self) -> None:
        """From the hardware, and once more after a call that was cut short."""
        if self._ended():
            self._over = True
            self._ended(0)
        if not self._over:
            return
        self._registers.end_dma("tx")
        self._registers.end_dma("rx")
        if not self._held:
            self._chip.set()
        if self._sent_lent is not None:
            self._give_back(self._sent)
        if self._received_lent is not None:
            self._give_back(self._received)
        self._busy = False
        client = self._client
        if client is not None:
            client.transferred(self._sent_lent, self._received_lent, 0)
        self._over = False

    def _give_back(self, ours: "Buffer | None") -> None:
        """Unless that was done before this was cut short."""
        try:
            if ours is not None and len(ours):
                ours.give_back()
        except RuntimeError:
            return

    def select(self, chip: ChipSelect) -> int:
        if self._busy or self._held:
            return ErrorCode.BUSY
        chip.set()
        chip.make_output()
        self._chip = chip
        return 0

    def hold(self, on: bool) -> int:
        if self._busy:
            return ErrorCode.BUSY
        self._holding = on
        if not on:
            self._held = False
            self._chip.set()
        return 0

    def rate_for(self, rate: int) -> int:
        return _SLOWEST << self._step_for(rate) if rate >= _SLOWEST else 0

    def _step_for(self, rate: int) -> int:
        step = 0
        while step < _RATES - 1 and _SLOWEST << (step + 1) <= rate:
            step += 1
        return step

    def set_rate(self, rate: int) -> int:
        if self._busy:
            return ErrorCode.BUSY
        if rate < _SLOWEST:
            return ErrorCode.INVAL
        step = self._step_for(rate)
        self._hertz = _SLOWEST << step
        self._registers.write(_FREQUENCY, 1 << (_SLOWEST_BIT + step))
        return 0

    def rate(self) -> int:
        return self._hertz

    def set_polarity(self, idle_high: bool) -> int:
        if self._busy or self._held:
            return ErrorCode.BUSY
        self._polarity = _CPOL if idle_high else 0
        self._configure()
        return 0

    def polarity(self) -> int:
        return 1 if self._polarity else 0

    def set_phase(self, trailing: bool) -> int:
        if self._busy or self._held:
            return ErrorCode.BUSY
        self._phase = _CPHA if trailing else 0
        self._configure()
        return 0

    def phase(self) -> int:
        return 1 if self._phase else 0

    def _configure(self) -> None:
        """The clock's pin has its level of rest while the hardware is off, too."""
        if self._polarity:
            self._clock.set()
        else:
            self._clock.clear()
        self._registers.write(_ENABLE, 0)
        self._registers.write(_CONFIG, self._polarity | self._phase)
        self._registers.write(_ENABLE, _ENABLED)
