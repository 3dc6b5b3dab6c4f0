"""SPI master PL022, the synchronous serial port of Arm's MPS2 boards: PrimeCell SSP TRM (DDI 0194), 3.3 "Register descriptions".

Its FIFOs hold eight bytes each way. They are filled and emptied from the kernel's loop, where others have their turn before
the next eight. A step that was cut short, after which nobody knows what is on its way, ends the transfer with FAIL.
"""

from cells import Buffer
from kernel import ErrorCode, InterruptLine, Registers
from micropython import const

from capsules.hil.spi import ChipSelect, SpiClient
from capsules.parts.steps import GO_ON, Steps

_CR0 = const(0x00)
_CR1 = const(0x04)
_DR = const(0x08)
_SR = const(0x0C)
_CPSR = const(0x10)
_IMSC = const(0x14)

_EIGHT_BITS = const(7)  # SSPCR0, DSS
_POLARITY_BIT = const(6)  # SPO
_PHASE_BIT = const(7)  # SPH
_SCR_SHIFT = const(8)
_SCR_BITS = const(8)
_ENABLED = const(1 << 1)  # SSPCR1, SSE
_RECEIVED_BIT = const(2)  # SSPSR, RNE
_BUSY_BIT = const(4)  # SSPSR, BSY

_FIFO = const(8)
_PATIENCE = const(1000)  # looks at bytes that are still on their way
_NOTHING = const(0xFF)  # what is sent for a client that has nothing to send
_FIRST_RATE = const(1_000_000)
_LEAST = const(2)  # SSPCPSR: an even number, 2 to 254
_MOST_STEPS = const(256)  # SSPCR0, SCR: up to 255, and one
_MOST = const(0xFFFF)  # bytes


class Pl022:
    """A HIL Spi. `clock` is what the controller runs on, in Hz; no chip is selected before select()."""

    def __init__(self, registers: Registers, line: InterruptLine, clock: int) -> None:
        self._clock = clock
        self._data = registers.field(_DR, 0, 32)
        self._byte = registers.field(_DR, 0, 8)
        self._received = registers.field(_SR, _RECEIVED_BIT, 1)
        self._busy = registers.field(_SR, _BUSY_BIT, 1)
        self._control = registers.field(_CR0, 0, 32)
        self._client: "SpiClient | None" = None
        self._chip: "ChipSelect | None" = None
        self._write: "Buffer | None" = None
        self._read: "Buffer | None" = None
        self._length = 0
        self._sent = 0
        self._got = 0
        self._holding = False
        self._held = False  # the chip is low between transfers
        self._clock_steps = 0
        self._hertz = 0
        self._polarity = 0
        self._phase = 0
        self._steps = Steps(line, self._step, self._tell)
        registers.write(_IMSC, 0)
        registers.write(_CPSR, _LEAST)
        registers.write(_CR1, _ENABLED)
        self.set_rate(_FIRST_RATE)

    def set_client(self, client: SpiClient) -> None:
        self._client = client

    def transfer(self, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        if self._steps.are_under_way():
            return ErrorCode.BUSY
        if write is read:
            return ErrorCode.INVAL
        if not 1 <= length <= _MOST:
            return ErrorCode.SIZE
        if (write is not None and length > len(write)) or (read is not None and length > len(read)):
            return ErrorCode.SIZE
        self._steps.prepare()
        self._write = write
        self._read = read
        self._length = length
        self._sent = 0
        self._got = 0
        self._held = self._holding
        if self._chip is not None:
            self._chip.clear()
        self._steps.begin()
        return 0

    # -- From the kernel's loop --

    def _step(self, was_cut: bool) -> int:
        """Empty the FIFO of what has come in, and fill the other one."""
        if was_cut:
            self._drain()
        else:
            self._take()
            if self._got < self._length:
                self._give()
                return GO_ON
        if not self._held:
            self._let_go()
        return ErrorCode.FAIL if was_cut else 0

    def _tell(self, status: int) -> None:
        client = self._client
        if client is not None:
            client.transferred(self._write, self._read, status)

    def _give(self) -> None:
        """Send as much as the FIFOs have room for: what is on its way comes back in the other one."""
        sent = self._sent
        end = min(self._length, self._got + _FIFO)
        data = self._data
        write = self._write
        while sent < end:
            data(_NOTHING if write is None else write[sent])
            sent += 1
        self._sent = sent

    def _take(self) -> None:
        """What has come in."""
        got = self._got
        byte = self._byte
        read = self._read
        while got < self._sent and self._received():
            value = byte()
            if read is not None:
                read[got] = value
            got += 1
        self._got = got

    def _drain(self) -> None:
        """Throw away what comes in for a transfer that was cut short."""
        for _ in range(_PATIENCE):
            if self._received():
                self._byte()
            elif not self._busy():
                return

    # -- What the transfers are like --

    def select(self, chip: ChipSelect) -> int:
        if self._steps.are_under_way() or self._held:
            return ErrorCode.BUSY
        chip.set()
        chip.make_output()
        self._chip = chip
        return 0

    def hold(self, on: bool) -> int:
        if self._steps.are_under_way():
            return ErrorCode.BUSY
        self._holding = on
        if not on:
            self._held = False
            self._let_go()
        return 0

    def _let_go(self) -> None:
        if self._chip is not None:
            self._chip.set()

    def rate_for(self, rate: int) -> int:
        steps = self._steps_for(rate)
        return self._clock // _LEAST // steps if steps else 0

    def _steps_for(self, rate: int) -> int:
        """By what the clock is divided, beyond the first division; 0 if that does not suffice."""
        if rate <= 0:
            return 0
        half = self._clock // _LEAST
        steps = (half + rate - 1) // rate
        return steps if steps <= _MOST_STEPS else 0

    def set_rate(self, rate: int) -> int:
        if self._steps.are_under_way():
            return ErrorCode.BUSY
        steps = self._steps_for(rate)
        if steps == 0:
            return ErrorCode.INVAL
        self._clock_steps = steps
        self._hertz = self._clock // _LEAST // steps
        self._configure()
        return 0

    def rate(self) -> int:
        return self._hertz

    def set_polarity(self, idle_high: bool) -> int:
        if self._steps.are_under_way() or self._held:
            return ErrorCode.BUSY
        self._polarity = 1 if idle_high else 0
        self._configure()
        return 0

    def polarity(self) -> int:
        return self._polarity

    def set_phase(self, trailing: bool) -> int:
        if self._steps.are_under_way() or self._held:
            return ErrorCode.BUSY
        self._phase = 1 if trailing else 0
        self._configure()
        return 0

    def phase(self) -> int:
        return self._phase

    def _configure(self) -> None:
        mode = self._polarity << _POLARITY_BIT | self._phase << _PHASE_BIT
        self._control((self._clock_steps - 1) << _SCR_SHIFT | mode | _EIGHT_BITS)
