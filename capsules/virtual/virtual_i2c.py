"""Any number of clients of one I2C bus.

Transfers are made one at a time, in turn: each device has its turn before one that has just had it. A device can be made for
one address alone; then no other reaches that.
"""

from typing import Any, Callable

from cells import Buffer
from kernel import ErrorCode, call_client, callback, deferred, shared
from micropython import const

from capsules.hil.i2c import I2c, I2cClient

# What the mux knows of a device.
_CLIENT = const(0)  # its callback, or None
_ONLY = const(1)  # the address that nobody else reaches, or _ANY
_STATE = const(2)
_STATUS = const(3)  # of a transfer that is over
_ADDRESS = const(4)
_REGISTER = const(5)  # or _NO_REGISTER
_WRITE = const(6)  # our handles of the buffers, or None
_WRITE_LENGTH = const(7)
_READ = const(8)
_READ_LENGTH = const(9)
_WRITE_LENT = const(10)  # the client's own handles of them
_READ_LENT = const(11)

_IDLE = const(0)  # _STATE
_WAITING = const(1)  # for its turn, or has it
_OVER = const(2)  # its client is to be told, or is being told

_ANY = const(-1)
_NO_REGISTER = const(-1)
_LAST_ADDRESS = const(0x7F)
_LAST_BYTE = const(0xFF)

_NOT_BEGUN = const(0)
_CHOSEN = const(1)  # the hardware is being asked; what cuts that short asks again
_BEGUN = const(2)


class I2cDevice:
    """One client's bus; a HIL I2c itself."""

    def __init__(self, mux: "I2cMux", index: int) -> None:
        self._set_client, self._transfer = mux.shared
        self._index = index

    def set_client(self, client: I2cClient) -> None:
        self._set_client(self._index, client.transferred)

    def write(self, address: int, buffer: Buffer, length: int) -> int:
        status: int = self._transfer(self._index, address, _NO_REGISTER, buffer, length, None, 0)
        return status

    def read(self, address: int, buffer: Buffer, length: int) -> int:
        status: int = self._transfer(self._index, address, _NO_REGISTER, None, 0, buffer, length)
        return status

    def write_read(self, address: int, write: Buffer, write_length: int, read: Buffer, read_length: int) -> int:
        status: int = self._transfer(self._index, address, _NO_REGISTER, write, write_length, read, read_length)
        return status

    def read_register(self, address: int, register: int, read: Buffer, length: int) -> int:
        if not 0 <= register <= _LAST_BYTE:
            return ErrorCode.INVAL
        status: int = self._transfer(self._index, address, register, None, 0, read, length)
        return status


class I2cMux:
    """Shares a HIL I2c among devices.

    The hardware is asked, and clients are called, by a deferred call alone, never from within a call of theirs: another
    one's stack would be theirs then. Each of its steps can be taken once more, should it have been cut short.
    """

    def __init__(self, i2c: I2c) -> None:
        self.shared = (shared(self._set_client), shared(self._transfer))  # for its devices
        self._look_later = deferred(self._look)
        self._i2c = i2c
        self._devices: "list[list[Any]]" = []
        self._turn = 0  # who has the bus, or had it last
        self._begun = _NOT_BEGUN
        self._over = False  # the hardware has said so
        self._status = 0
        i2c.set_client(self)

    def new_device(self, only: int = _ANY) -> I2cDevice:
        """Make one more device, or one for the device at the address `only`; only while the board is wired."""
        device = I2cDevice(self, len(self._devices))
        self._devices.append([None, only, _IDLE, 0, 0, _NO_REGISTER, None, 0, None, 0, None, None])
        return device

    # -- For the devices --

    def _set_client(self, index: int, transferred: "Callable[..., None]") -> None:
        self._devices[index][_CLIENT] = callback(transferred)

    def _transfer(
        self,
        index: int,
        address: int,
        register: int,
        write: "Buffer | None",
        write_length: int,
        read: "Buffer | None",
        read_length: int,
    ) -> int:
        if not 0 <= address <= _LAST_ADDRESS or (write is read):
            return ErrorCode.INVAL
        # len() raises, before anything is moved, if the buffer is not the caller's.
        if write is not None and not 1 <= write_length <= len(write):
            return ErrorCode.SIZE
        if read is not None and not 1 <= read_length <= len(read):
            return ErrorCode.SIZE
        device = self._devices[index]
        if device[_STATE] == _WAITING:
            return ErrorCode.BUSY
        for other in self._devices:
            if other[_ONLY] == address and other is not device:
                return ErrorCode.RESERVE
        device[_ADDRESS] = address
        device[_REGISTER] = register
        device[_WRITE_LENT] = write
        device[_WRITE_LENGTH] = write_length
        device[_READ_LENT] = read
        device[_READ_LENGTH] = read_length
        device[_WRITE] = write.move(self) if write is not None else None
        device[_READ] = read.move(self) if read is not None else None
        device[_STATE] = _WAITING
        self._look_later()
        return 0

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
        """Whose turn it is. False if nobody waits."""
        count = len(self._devices)
        turn = self._turn
        for _ in range(count):
            turn += 1
            if turn >= count:
                turn = 0
            if self._devices[turn][_STATE] == _WAITING:
                self._turn = turn
                self._begun = _CHOSEN
                return True
        return False

    def _ask(self, device: "list[Any]") -> int:
        """Begin a transfer. BUSY if it has been."""
        i2c = self._i2c
        address = device[_ADDRESS]
        write = device[_WRITE]
        read = device[_READ]
        if not self._has(read if write is None else write):
            return ErrorCode.BUSY
        if device[_REGISTER] >= 0:
            return i2c.read_register(address, device[_REGISTER], read, device[_READ_LENGTH])
        if read is None:
            return i2c.write(address, write, device[_WRITE_LENGTH])
        if write is None:
            return i2c.read(address, read, device[_READ_LENGTH])
        return i2c.write_read(address, write, device[_WRITE_LENGTH], read, device[_READ_LENGTH])

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
