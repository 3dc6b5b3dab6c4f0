"""Any number of clients of one I2C bus.

Transfers are made one at a time, in turn: each device has its turn before one that has just had it. A device can be made for
one address alone; then no other reaches that, nor calls all devices at once.
"""

from cells import Buffer
from kernel import ErrorCode, shared
from micropython import const

from capsules.hil.i2c import I2c, I2cClient
from capsules.parts.transfers import Transfers

# What the mux knows of a device.
_ONLY = const(0)  # the address that nobody else reaches, or _ANY
_ADDRESS = const(1)
_REGISTER = const(2)  # or _NO_REGISTER
_WRITE_LENGTH = const(3)
_READ_LENGTH = const(4)

_ANY = const(-1)
_NO_REGISTER = const(-1)
_GENERAL_CALL = const(0)  # every device hears it: UM10204 (I2C-bus specification), 3.1.12
_LAST_ADDRESS = const(0x7F)
_LAST_BYTE = const(0xFF)


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
    """Shares a HIL I2c among devices."""

    def __init__(self, i2c: I2c) -> None:
        self._transfers = Transfers(self._begin)
        self.shared = (shared(self._transfers.set_client), shared(self._transfer))  # for its devices
        self._i2c = i2c
        self._devices: "list[list[int]]" = []
        i2c.set_client(self)

    def new_device(self, only: int = _ANY) -> I2cDevice:
        """Make one more device, or one for the device at the address `only`; only while the board is wired."""
        self._devices.append([only, 0, _NO_REGISTER, 0, 0])
        return I2cDevice(self, self._transfers.new_user())

    # -- For the devices --

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
        if self._transfers.turns.is_waiting(index):
            return ErrorCode.BUSY
        device = self._devices[index]
        for other in self._devices:
            only = other[_ONLY]
            if other is not device and (only == address or (address == _GENERAL_CALL and only != _ANY)):
                return ErrorCode.RESERVE
        device[_ADDRESS] = address
        device[_REGISTER] = register
        device[_WRITE_LENGTH] = write_length
        device[_READ_LENGTH] = read_length
        self._transfers.ask(index, write, read)
        return 0

    # -- For the hardware --

    def transferred(self, write: "Buffer | None", read: "Buffer | None", status: int) -> None:
        """From the hardware; perhaps more than once, before its next transfer."""
        self._transfers.turns.over(status)

    def _begin(self, index: int, write: "Buffer | None", read: "Buffer | None") -> int:
        """Have the hardware make a device's transfer."""
        device = self._devices[index]
        i2c = self._i2c
        address = device[_ADDRESS]
        if read is None:
            return i2c.write(address, write, device[_WRITE_LENGTH]) if write is not None else ErrorCode.SIZE
        if device[_REGISTER] >= 0:
            return i2c.read_register(address, device[_REGISTER], read, device[_READ_LENGTH])
        if write is None:
            return i2c.read(address, read, device[_READ_LENGTH])
        return i2c.write_read(address, write, device[_WRITE_LENGTH], read, device[_READ_LENGTH])
