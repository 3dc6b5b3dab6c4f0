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

from builtins import bytearray

from adder import upcall
from syscall import SyscallError, allow_ro, allow_rw, command, natural, subscribe, yield_no_wait, yield_wait
from uctypes import addressof

_DRIVER = const(0x10000)
_INVAL = const(6)
_NOMEM = const(9)
_NODEVICE = const(11)
_UNINSTALLED = const(12)
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
    allow_ro(_DRIVER, 0, name.encode())
    try:
        return command(_DRIVER, _DISCOVER)
    except SyscallError as error:
        if error.errno == _NODEVICE:
            command(_DRIVER, 0)  # raises if it is the driver that is missing
            raise SyscallError(_NODEVICE, "no app named '%s' runs" % name)
        raise
    finally:
        allow_ro(_DRIVER, 0, None)


def shared(size: int) -> memoryview:
    """A buffer that the memory protection unit can lend: a power of two, at a multiple of itself."""
    rounded = _SMALLEST
    natural(size)
    while rounded < size:
        rounded *= 2
    memory = bytearray(2 * rounded - 1)
    start = -addressof(memory) % rounded
    return memoryview(memory)[start : start + rounded]


def _gone():
    return SyscallError(_UNINSTALLED, "the service does not run: it has ended, and may be back soon")


class Client(upcall.Requests):
    """What a client has of a service. `buffer` is lent to the service for good: at least `size` bytes, or none if that is 0.

    One question at a time: `notify()`, then `wait()` or `await answer()`. Each raises SyscallError UNINSTALLED if the
    service does not run, or has ended before it answered. One that the kernel starts again can be asked again.
    """

    def __init__(self, service: str, size: int = 0) -> None:
        self.number = find(service)
        self.buffer: memoryview = shared(size) if natural(size) else memoryview(b"")
        if size:
            allow_rw(_DRIVER, self.number, self.buffer)
        super().__init__(_DRIVER, self.number)
        self._question = None
        self._life = None

    def _look(self):
        # A service that has begun anew knows nothing of us.
        try:
            if command(_DRIVER, _LIFE, self.number) == self._life:
                return
        except OSError:
            pass
        while yield_no_wait():
            pass  # its answer may have been on its way before it ended
        if self._asked is None:
            return
        self._asked = None
        raise _gone()

    def _idle(self):
        if not yield_wait(_LOOK_MS):
            self._look()

    def notify(self) -> None:
        """Ask the service; then wait for its answer in one way or the other. An answer that is still to come to an
        earlier question, which was given up, is waited for and dropped."""
        if self._asked is not None:
            self._question = None
            try:
                while self._asked is not None:
                    self._idle()
            except OSError:
                pass  # there will be none
        number = self.number
        self._question = self._asked = [None]  # first: the answer may come inside of the command
        try:
            self._life = command(_DRIVER, _LIFE, number)
            command(_DRIVER, _NOTIFY_SERVICE, number)
        except BaseException as error:
            self._question = self._asked = None
            if isinstance(error, SyscallError) and error.errno == _INVAL:
                raise _gone()
            raise

    def wait(self) -> None:
        """Block until the service has answered."""
        question = self._question
        while question[0] is None:
            if not yield_wait(_LOOK_MS):
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
        self._largest = natural(largest)
        self._requests = []  # (client, bytes that it shares)
        self._copies = {}  # by client: what it has been given to change
        self._owed = []  # clients that had no room for their answer yet
        self._flag = None
        self._lent = None
        self._own = find(name)
        subscribe(_DRIVER, self._own, self._come)

    def _come(self, client, length, address):
        request = (client, length if length < self._largest else self._largest)
        requests = self._requests
        if not requests or requests.count(request) < _WAITING:
            requests.append(request)
        if self._flag:
            self._flag.set()

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
            # The kernel copies: what this app holds of a client's memory could vanish at any instruction.
            allow_rw(_DRIVER, self._own, buffer)
            self._lent = buffer
            try:
                command(_DRIVER, _FETCH, client)
            except OSError:
                continue  # it is gone
            self._copies[client] = buffer
            return client, buffer
        return None

    def wait(self) -> "tuple[int, bytearray | None]":
        """Block until a client asks: its number, and a copy of what it shares, or None if it shares nothing."""
        while True:
            if self._requests or self._owed:
                request = self._next()
                if request:
                    return request
            yield_wait(_LOOK_MS if self._owed else -1)

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
            if self._lent is not buffer:
                allow_rw(_DRIVER, self._own, buffer)
                self._lent = buffer
            try:
                command(_DRIVER, _STORE, client)
            except OSError:
                return
        try:
            command(_DRIVER, _NOTIFY_CLIENT, client)
        except SyscallError as error:
            if error.errno == _NOMEM and client not in self._owed:
                self._owed.append(client)

    def _pay(self):
        # Who had no room for it had not looked for a while.
        for client in list(self._owed):
            try:
                command(_DRIVER, _NOTIFY_CLIENT, client)
            except SyscallError as error:
                if error.errno == _NOMEM:
                    continue
            self._owed.remove(client)
