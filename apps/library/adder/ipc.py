"""Messages between apps (driver 0x10000, permission "ipc"), written in whatever language: a client lends a service a
buffer, notifies it, and the service notifies back.

    # the service, whose app is named "rot13"        # a client
    service = ipc.Service("rot13")                   rot13 = ipc.Client("rot13", 64)
    while True:                                      rot13.buffer[:5] = b"hello"
        client, buffer = service.wait()              rot13.notify()
        ...change buffer...                          rot13.wait()
        service.answer(client)                       print(bytes(rot13.buffer[:5]))

What a client does is its own affair: it may end at any time, never look for its answer, share nothing. The service's
`buffer` is a copy, which `answer` writes back if the client is still there.
"""

import syscall
from adder import upcall
from uctypes import addressof

_DRIVER = const(0x10000)
_DISCOVER = const(1)
_NOTIFY_SERVICE = const(2)
_NOTIFY_CLIENT = const(3)
_FETCH = const(4)
_STORE = const(5)
_LIFE = const(6)
_SMALLEST = const(32)
_LOOK_MS = const(100)  # how often a client looks whether its service lives, and a service at a client that is not ready
_WAITING = const(2)  # notifications of one client that wait; more are one


def find(name: str) -> int:
    """The number of the app with this name. Raises SyscallError NODEVICE if there is none."""
    if not isinstance(name, str):
        raise TypeError("the name of an app is a str")
    syscall.allow_ro(_DRIVER, 0, name.encode())
    try:
        return syscall.command(_DRIVER, _DISCOVER)
    except syscall.SyscallError as error:
        if error.errno == syscall.NODEVICE:
            syscall.command(_DRIVER, 0)  # raises if it is the driver that is missing
            raise syscall.SyscallError(syscall.NODEVICE, "no app named '%s' runs" % name)
        raise
    finally:
        syscall.allow_ro(_DRIVER, 0, None)


def shared(size: int) -> memoryview:
    """A buffer that the memory protection unit can lend: a power of two, at a multiple of itself."""
    rounded = _SMALLEST
    syscall.natural(size)
    while rounded < size:
        rounded *= 2
    memory = bytearray(2 * rounded - 1)
    start = -addressof(memory) % rounded
    return memoryview(memory)[start : start + rounded]


def _gone():
    return syscall.SyscallError(syscall.UNINSTALLED, "the service does not run: it has ended, and may be back soon")


class Client(upcall.Requests):
    """What a client has of a service. `buffer` is lent to the service for good: at least `size` bytes, or none if that is 0.

    One question at a time: `notify()`, then `wait()` or `await answer()`. Each raises SyscallError UNINSTALLED if the
    service does not run, or has ended before it answered. One that the kernel starts again can be asked again.
    """

    def __init__(self, service: str, size: int = 0) -> None:
        self.number = find(service)
        self.buffer: memoryview = shared(size) if syscall.natural(size) else memoryview(b"")
        if size:
            syscall.allow_rw(_DRIVER, self.number, self.buffer)
        super().__init__(_DRIVER, self.number)
        self._question = None
        self._life = None

    def _look(self):
        # A service that has begun anew knows nothing of us.
        try:
            if syscall.command(_DRIVER, _LIFE, self.number) == self._life:
                return
        except OSError:
            pass
        while syscall.yield_no_wait():
            pass  # its answer may have been on its way before it ended
        if self._asked is None:
            return
        self._asked = None
        raise _gone()

    def _idle(self):
        if not syscall.yield_wait(_LOOK_MS):
            self._look()

    def notify(self) -> None:
        """Ask the service; then wait for its answer in one way or the other. An answer that is still to come to an
        earlier question, which was given up, is waited for and dropped."""
        self._question = None
        if self._asked is not None:
            try:
                while self._asked is not None:
                    self._idle()
            except OSError:
                pass  # there will be none
        try:
            self._life = syscall.command(_DRIVER, _LIFE, self.number)
            self._question = self.begin(_NOTIFY_SERVICE, self.number)
        except syscall.SyscallError as error:
            if error.errno == syscall.INVAL:
                raise _gone()
            raise

    def wait(self) -> None:
        """Block until the service has answered."""
        question = self._question
        while question[0] is None:
            if not syscall.yield_wait(_LOOK_MS):
                self._look()

    async def answer(self) -> None:
        """For `await`: the service has answered."""
        from asyncio import ThreadSafeFlag

        question = self._question
        if self._flag is None:
            self._flag = ThreadSafeFlag()
        while question[0] is None:
            if not await self._flag.wait(_LOOK_MS) and question[0] is None:
                self._look()


class Service:
    """A service; `name` is this app's own name, by which clients find it. No more than `largest` bytes of what a client
    shares are seen, so that none can take all of the memory."""

    def __init__(self, name: str, largest: int = 1024) -> None:
        self._largest = syscall.natural(largest)
        self._requests = []  # (client, bytes that it shares)
        self._copies = {}  # by client: what it has been given to change
        self._owed = []  # clients that had no room for their answer yet
        self._flag = None
        self._lent = None
        self._own = find(name)
        syscall.subscribe(_DRIVER, self._own, self._come)

    def _come(self, client, length, address):
        request = (client, length if length < self._largest else self._largest)
        requests = self._requests
        if not requests or requests.count(request) < _WAITING:
            requests.append(request)
        if self._flag:
            self._flag.set()

    def _lend(self, buffer):
        # The kernel copies: what this app holds of a client's memory could vanish at any instruction.
        if self._lent is not buffer:
            syscall.allow_rw(_DRIVER, self._own, buffer)
            self._lent = buffer

    def _next(self):
        if self._owed:
            self._pay()
        requests = self._requests
        while requests:
            client, length = requests[0]
            if not length:
                return requests.pop(0)[0], None
            buffer = bytearray(length)  # if there is no room, the request is still there
            requests.pop(0)
            self._lend(buffer)
            try:
                syscall.command(_DRIVER, _FETCH, client)
            except OSError:
                continue  # it is gone
            self._copies[client] = buffer
            return client, buffer
        return None

    def wait(self) -> "tuple[int, bytearray | None]":
        """Block until a client asks: its number, and a copy of what it shares, or None if it shares nothing."""
        while True:
            request = self._next()
            if request:
                return request
            syscall.yield_wait(_LOOK_MS if self._owed else -1)

    async def request(self) -> "tuple[int, bytearray | None]":
        """For `await`: the same. Tasks that wait at once get a request each, in turn."""
        import asyncio

        if self._flag is None:
            self._flag = asyncio.ThreadSafeFlag()
            self._turn = asyncio.Lock()
        async with self._turn:
            while True:
                request = self._next()
                if request:
                    return request
                if self._owed:
                    await self._flag.wait(_LOOK_MS)
                else:
                    await self._flag.wait()

    def answer(self, client: int) -> None:
        """Write back what its copy holds now, and tell the client that it is done; if it is gone, nobody is told."""
        buffer = self._copies.pop(client, None)
        if buffer is not None:
            self._lend(buffer)
            try:
                syscall.command(_DRIVER, _STORE, client)
            except OSError:
                return
        if not self._notify(client) and client not in self._owed:
            self._owed.append(client)

    def _notify(self, client):
        # False if the client has no room for it: it has not looked for a while.
        try:
            syscall.command(_DRIVER, _NOTIFY_CLIENT, client)
        except syscall.SyscallError as error:
            return error.errno != syscall.NOMEM
        return True

    def _pay(self):
        for client in list(self._owed):
            if self._notify(client):
                self._owed.remove(client)
