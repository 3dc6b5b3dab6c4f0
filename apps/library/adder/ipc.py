"""Messages between apps (driver 0x10000), written in whatever language: a client lends a service a
buffer, notifies it, and the service notifies back.

    # the service, whose app is named "rot13"        # a client
    service = ipc.Service("rot13")                   rot13 = ipc.Client("rot13", 64)
    while True:                                      rot13.buffer[:5] = b"hello"
        client, buffer = service.wait()              rot13.notify()
        ...change buffer...                          rot13.wait()
        service.answer(client)                       print(bytes(rot13.buffer[:5]))
"""

import syscall
from adder import upcall
from uctypes import addressof, bytearray_at

_DRIVER = const(0x10000)
_DISCOVER = const(1)
_NOTIFY_SERVICE = const(2)
_NOTIFY_CLIENT = const(3)
_SMALLEST = const(32)


def find(name):
    """The number of the app with this name; SyscallError NODEVICE if there is none."""
    syscall.allow_ro(_DRIVER, 0, name.encode())
    try:
        return syscall.command(_DRIVER, _DISCOVER)
    finally:
        syscall.allow_ro(_DRIVER, 0, None)


def shared(size):
    """A buffer that the memory protection unit can lend: a power of two, at a multiple of itself."""
    rounded = _SMALLEST
    while rounded < size:
        rounded *= 2
    memory = bytearray(2 * rounded - 1)
    start = -addressof(memory) % rounded
    return memoryview(memory)[start : start + rounded]


class Client:
    """What a client has of a service. `buffer` is lent to the service for good."""

    def __init__(self, service, size=0):
        self.number = find(service)
        self.buffer = shared(size) if size else None
        if size:
            syscall.allow_rw(_DRIVER, self.number, self.buffer)
        self._answered = upcall.Upcall(_DRIVER, self.number)
        self._answer = None

    def notify(self):
        """Ask the service; then wait for its answer in one way or the other."""
        self._answer = self._answered.expect()
        upcall.command(_DRIVER, _NOTIFY_SERVICE, self.number, waiter=self._answer)

    def wait(self):
        """Block until the service has answered."""
        self._answer.wait()

    async def answer(self):
        """For `await`: the service has answered."""
        await self._answer.arrive()


class Service:
    """A service; `name` is this app's own name, by which clients find it."""

    def __init__(self, name):
        self._requests = []
        self._flag = None
        syscall.subscribe(_DRIVER, find(name), self._come)

    def _come(self, client, length, address):
        self._requests.append((client, bytearray_at(address, length) if length else None))
        if self._flag:
            self._flag.set()

    def wait(self):
        """Block until a client asks: its number, and its buffer or None."""
        while not self._requests:
            syscall.yield_wait()
        return self._requests.pop(0)

    async def request(self):
        """For `await`: the same."""
        from asyncio import ThreadSafeFlag

        if self._flag is None:
            self._flag = ThreadSafeFlag()
        while not self._requests:
            await self._flag.wait()
        return self._requests.pop(0)

    def answer(self, client):
        """Tell the client that it is done."""
        syscall.command(_DRIVER, _NOTIFY_CLIENT, client)
