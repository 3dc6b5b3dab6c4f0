"""Any number of clients of one SPI bus.

Transfers are made one at a time, in turn: each device has its turn before one that has just had it. Each has a chip select,
a rate, a polarity and a phase of its own. While one holds its chip between transfers, the others wait.
"""

from typing import Any, Callable

from cells import Buffer
from kernel import ErrorCode, call_client, callback, deferred, shared
from micropython import const

from capsules.hil.spi import ChipSelect, Spi, SpiClient

# What the mux knows of a device.
_CLIENT = const(0)  # its callback, or None
_CHIP = const(1)
_STATE = const(2)
_STATUS = const(3)  # of a transfer that is over
_HOLD = const(4)  # whether its chip stays low
_RATE = const(5)  # in Hz; 0: what the hardware begins with
_POLARITY = const(6)
_PHASE = const(7)
_WRITE = const(8)  # our handles of the buffers, or None
_READ = const(9)
_LENGTH = const(10)
_WRITE_LENT = const(11)  # the client's own handles of them
_READ_LENT = const(12)

_IDLE = const(0)  # _STATE
_WAITING = const(1)  # for its turn, or has it
_OVER = const(2)  # its client is to be told, or is being told

_NOBODY = const(-1)
_MOST = const(0xFFFF)  # bytes

_NOT_BEGUN = const(0)
_CHOSEN = const(1)  # the hardware is being asked; what cuts that short asks again
_BEGUN = const(2)


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
    """Shares a HIL Spi among devices.

    The hardware is asked, and clients are called, by a deferred call alone, never from within a call of theirs: another
    one's stack would be theirs then. Each of its steps can be taken once more, should it have been cut short.
    """

    def __init__(self, spi: Spi) -> None:
        self.shared = (  # for its devices
            shared(self._set_client),
            shared(self._transfer),
            shared(self._set),
            shared(self._get),
            shared(self._rate_for),
        )
        self._look_later = deferred(self._look)
        self._spi = spi
        self._first_rate = spi.rate()
        self._devices: "list[list[Any]]" = []
        self._turn = 0  # who has the bus, or had it last
        self._begun = _NOT_BEGUN
        self._over = False  # the hardware has said so
        self._status = 0
        self._configured = _NOBODY  # whose settings the hardware has
        self._holder = _NOBODY  # whose chip is low between transfers
        spi.set_client(self)

    def new_device(self, chip: ChipSelect) -> SpiDevice:
        """Make one more device, which selects this chip; only while the board is wired."""
        chip.set()
        chip.make_output()
        device = SpiDevice(self, len(self._devices))
        self._devices.append([None, chip, _IDLE, 0, 0, self._first_rate, 0, 0, None, None, 0, None, None])
        return device

    # -- For the devices --

    def _set_client(self, index: int, transferred: "Callable[..., None]") -> None:
        self._devices[index][_CLIENT] = callback(transferred)

    def _transfer(self, index: int, write: "Buffer | None", read: "Buffer | None", length: int) -> int:
        if write is read:
            return ErrorCode.INVAL
        # len() raises, before anything is moved, if the buffer is not the caller's.
        if not 1 <= length <= _MOST or (write is not None and length > len(write)):
            return ErrorCode.SIZE
        if read is not None and length > len(read):
            return ErrorCode.SIZE
        device = self._devices[index]
        if device[_STATE] == _WAITING:
            return ErrorCode.BUSY
        device[_LENGTH] = length
        device[_WRITE_LENT] = write
        device[_READ_LENT] = read
        device[_WRITE] = write.move(self) if write is not None else None
        device[_READ] = read.move(self) if read is not None else None
        device[_STATE] = _WAITING
        self._look_later()
        return 0

    def _set(self, index: int, what: int, value: int) -> int:
        """Change one of a device's settings."""
        device = self._devices[index]
        if device[_STATE] == _WAITING or (self._holder == index and what != _HOLD and device[_HOLD]):
            return ErrorCode.BUSY
        device[what] = value
        if what != _HOLD and self._configured == index:
            self._configured = _NOBODY
        if self._holder == index:
            self._look_later()
        return 0

    def _get(self, index: int, what: int) -> int:
        value: int = self._devices[index][what]
        return value

    def _rate_for(self, rate: int) -> int:
        return self._spi.rate_for(rate)

    # -- For the hardware --

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the hardware; perhaps more than once, before the mux has looked."""
        if self._begun != _NOT_BEGUN:
            self._status = status
            self._over = True
            self._look_later()

    # -- From the kernel's loop --

    def _look(self) -> None:
        """Tell whose transfer is over, then begin the next one."""
        if self._over:
            device = self._devices[self._turn]
            device[_STATUS] = self._status
            device[_STATE] = _OVER
            self._begun = _NOT_BEGUN
            self._over = False
        for device in self._devices:
            if device[_STATE] == _OVER:
                self._tell(device)
        if self._begun == _NOT_BEGUN and self._holder >= 0 and not self._devices[self._holder][_HOLD]:
            self._spi.hold(False)
            self._holder = _NOBODY
        while self._begun != _BEGUN and (self._begun == _CHOSEN or self._choose()):
            status = self._ask(self._devices[self._turn])
            if status == 0 or status == ErrorCode.BUSY:  # busy with this one: what began it was cut short
                self._begun = _BEGUN
            else:
                self._status = status
                self._over = True
                self._look_later()
                return

    def _choose(self) -> bool:
        """Whose turn it is. False if nobody waits, or not who holds its chip."""
        count = len(self._devices)
        turn = self._turn
        for _ in range(count):
            turn += 1
            if turn >= count:
                turn = 0
            if self._devices[turn][_STATE] == _WAITING and (self._holder < 0 or self._holder == turn):
                self._turn = turn
                self._begun = _CHOSEN
                return True
        return False

    def _ask(self, device: "list[Any]") -> int:
        """Begin a transfer. BUSY if it has been."""
        write = device[_WRITE]
        read = device[_READ]
        if not self._has(read if write is None else write):
            return ErrorCode.BUSY
        if self._configured != self._turn:
            status = self._configure(device)
            if status:
                return status
        spi = self._spi
        if device[_HOLD]:
            self._holder = self._turn
            spi.hold(True)
        return spi.transfer(write, read, device[_LENGTH])

    def _configure(self, device: "list[Any]") -> int:
        """The hardware works for this device from now on. 0 or an ErrorCode."""
        spi = self._spi
        self._configured = _NOBODY
        status = spi.select(device[_CHIP])
        if status == 0:
            status = spi.set_rate(device[_RATE])
        if status == 0:
            status = spi.set_polarity(device[_POLARITY] != 0)
        if status == 0:
            status = spi.set_phase(device[_PHASE] != 0)
        if status == 0:
            self._configured = self._turn
        return status

    def _tell(self, device: "list[Any]") -> None:
        """Give its client the buffers back, and say how it went; once."""
        write = device[_WRITE_LENT]
        read = device[_READ_LENT]
        self._take_back(device[_WRITE])
        self._take_back(device[_READ])
        # Who has been told before this was cut short has taken its buffers.
        if self._has(read if write is None else write):
            call_client(device[_CLIENT], write, read, device[_STATUS])
        if device[_STATE] == _OVER:  # the client has begun nothing else
            device[_STATE] = _IDLE

    def _take_back(self, ours: "Buffer | None") -> None:
        if ours is not None and self._has(ours):
            ours.give_back()

    def _has(self, buffer: "Buffer | None") -> bool:
        """Whether this handle is good."""
        try:
            return buffer is not None and len(buffer) > 0
        except RuntimeError:
            return False
