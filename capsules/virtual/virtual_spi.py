"""Any number of clients of one SPI bus.

Transfers are made one at a time, in turn: each device has its turn before one that has just had it. Each has a chip select,
a rate, a polarity and a phase of its own. While one holds its chip between transfers, the others wait, for as long as it likes:
so that is a right over the whole bus, and the board says who has it (`may_hold`).
"""

from typing import Any

from cells import Buffer
from kernel import ErrorCode, shared
from micropython import const

from capsules.hil.spi import ChipSelect, Spi, SpiClient
from capsules.parts.transfers import Transfers
from capsules.parts.turns import NOBODY

# What the mux knows of a device.
_CHIP = const(0)
_HOLD = const(1)  # whether its chip stays low
_RATE = const(2)  # in Hz; 0: what the hardware begins with
_POLARITY = const(3)
_PHASE = const(4)
_LENGTH = const(5)
_MAY_HOLD = const(6)

_MOST = const(0xFFFF)  # bytes


class SpiDevice:
    """One client's bus; a HIL Spi itself. Its chip is the one it was made with: select() is not supported."""

    def __init__(self, mux: "SpiMux", index: int) -> None:
        self._set_client, self._transfer, self._set, self._get, self._rate_for = mux.shared
        self._index = index

    def set_client(self, client: SpiClient) -> None:
        self._set_client(self._index, client.transferred)

    def transfer(self, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        status: int = self._transfer(self._index, write, read, length)
        return status

    def select(self, chip: ChipSelect) -> int:
        return ErrorCode.NOSUPPORT

    def hold(self, on: bool) -> int:
        status: int = self._set(self._index, _HOLD, 1 if on else 0)
        return status

    def rate_for(self, rate: int) -> int:
        found: int = self._rate_for(rate)
        return found

    def set_rate(self, rate: int) -> int:
        found = self.rate_for(rate)
        if found == 0:
            return ErrorCode.INVAL
        status: int = self._set(self._index, _RATE, found)
        return status

    def rate(self) -> int:
        rate: int = self._get(self._index, _RATE)
        return rate

    def set_polarity(self, idle_high: bool) -> int:
        status: int = self._set(self._index, _POLARITY, 1 if idle_high else 0)
        return status

    def polarity(self) -> int:
        polarity: int = self._get(self._index, _POLARITY)
        return polarity

    def set_phase(self, trailing: bool) -> int:
        status: int = self._set(self._index, _PHASE, 1 if trailing else 0)
        return status

    def phase(self) -> int:
        phase: int = self._get(self._index, _PHASE)
        return phase


class SpiMux:
    """Shares a HIL Spi among devices."""

    def __init__(self, spi: Spi) -> None:
        self._transfers = Transfers(self._begin, self._failed)
        self._turns = self._transfers.turns
        self.shared = (  # for its devices
            shared(self._transfers.set_client),
            shared(self._transfer),
            shared(self._set),
            shared(self._get),
            shared(self._rate_for),
        )
        self._spi = spi
        self._first_rate = spi.rate()
        self._devices: "list[list[Any]]" = []
        self._configured = NOBODY  # whose settings the hardware has
        self._holder = NOBODY  # whose chip is low between transfers
        spi.set_client(self)

    def new_device(self, chip: ChipSelect, may_hold: bool = False) -> SpiDevice:
        """Make one more device, which selects this chip; only while the board is wired.

        Who may hold its chip can keep the bus from all others.
        """
        chip.set()
        chip.make_output()
        self._devices.append([chip, 0, self._first_rate, 0, 0, 0, may_hold])
        return SpiDevice(self, self._transfers.new_user())

    # -- For the devices --

    def _transfer(self, index: int, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        if write is read:
            return ErrorCode.INVAL
        # len() raises, before anything is moved, if the buffer is not the caller's.
        if not 1 <= length <= _MOST or (write is not None and length > len(write)):
            return ErrorCode.SIZE
        if read is not None and length > len(read):
            return ErrorCode.SIZE
        if self._turns.is_waiting(index):
            return ErrorCode.BUSY
        self._devices[index][_LENGTH] = length
        self._transfers.ask(index, write, read)
        return 0

    def _set(self, index: int, what: int, value: int) -> int:
        """Change one of a device's settings."""
        device = self._devices[index]
        if self._turns.is_waiting(index) or (self._holder == index and what != _HOLD and device[_HOLD]):
            return ErrorCode.BUSY
        if what == _HOLD and not device[_MAY_HOLD]:
            return ErrorCode.NOSUPPORT if value else 0
        device[what] = value
        if what != _HOLD and self._configured == index:
            self._configured = NOBODY
        if self._holder == index and not device[_HOLD]:
            self._let_go()
        return 0

    def _let_go(self) -> None:
        """The bus is everybody's again."""
        self._spi.hold(False)  # nobody else's transfer is under way
        self._holder = NOBODY
        self._turns.keep_for(NOBODY)

    def _failed(self, index: int) -> None:
        """Who has failed may never ask again, so it does not keep the bus from others."""
        self._devices[index][_HOLD] = 0
        if self._holder == index:
            self._let_go()

    def _get(self, index: int, what: int) -> int:
        value: int = self._devices[index][what]
        return value

    def _rate_for(self, rate: int) -> int:
        return self._spi.rate_for(rate)

    # -- For the hardware --

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the hardware; perhaps more than once, before its next transfer."""
        self._turns.over(status)

    def _begin(self, index: int, write: "Buffer | None", read: "Buffer | None") -> int:
        """Have the hardware make a device's transfer."""
        device = self._devices[index]
        if self._configured != index:
            status = self._configure(index, device)
            if status:
                return status
        spi = self._spi
        if device[_HOLD]:
            self._holder = index
            self._turns.keep_for(index)
            spi.hold(True)
        return spi.transfer(write, read, device[_LENGTH])

    def _configure(self, index: int, device: "list[Any]") -> int:
        """The hardware works for this device from now on. 0 or an ErrorCode."""
        spi = self._spi
        self._configured = NOBODY
        status = spi.select(device[_CHIP])
        if status == 0:
            status = spi.set_rate(device[_RATE])
        if status == 0:
            status = spi.set_polarity(device[_POLARITY] != 0)
        if status == 0:
            status = spi.set_phase(device[_PHASE] != 0)
        if status == 0:
            self._configured = index
        return status
