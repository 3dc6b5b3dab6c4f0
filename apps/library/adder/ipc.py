"""Messages between apps (driver 0x10000, permission "ipc"), written in whatever language: a client lends a service a
buffer, notifies it, and the service notifies back.

    # the service, whose app is named "rot13"
    service = ipc.Service("rot13")
    while True:
        client, buffer = service.wait()
        ...  # change buffer
        service.answer(client)

    # a client
    rot13 = ipc.Client("rot13", 64)
    rot13.buffer[:5] = b"hello"
    rot13.notify()
    rot13.wait()
    print(bytes(rot13.buffer[:5]))

What a client does is its own affair: it may end at any time, never look for its answer, share nothing. The service's
`buffer` is a copy, which `answer` writes back if the client is still there.
"""

from builtins import bytearray, len

from syscall import SyscallError, allow_ro, allow_rw, command, natural, subscribe
from syscall import yield_no_wait, yield_wait, yield_wait_within
from uctypes import addressof

_DRIVER = const(0x10000)
_BUSY = const(2)
_INVAL = const(6)
_NOMEM = const(9)
_NODEVICE = const(11)
_UNINSTALLED = const(12)
_DISCOVER = const(1)
_NOTIFY_CLIENT = const(3)
_FETCH = const(4)
_LIFE = const(6)
_ASK = const(7)
_ANSWER = const(8)
_SMALLEST = const(32)
_LOOK_MS = const(100)  # how often a client looks whether its service lives, and a service at a client that is not ready
_NOBODY = const(0xFFFFFFFF)
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


def _ask(service):
    return command(_DRIVER, _ASK, service)


def _notify(client):
    command(_DRIVER, _NOTIFY_CLIENT, client)


def _fetch(client):
    return command(_DRIVER, _FETCH, client)


def _answer(client):
    command(_DRIVER, _ANSWER, client)


_lines = {}  # by service: [the client whose buffer and function the kernel knows]


class Client:
    """What a client has of a service. `buffer` is lent to the service: at least `size` bytes, or none if that is 0.

    One question at a time: `notify()`, then `wait()` or `await answer()`; or `await ask()`, which is both, for tasks. Tasks
    that ask one service have a client each, and ask in turn. Each raises SyscallError UNINSTALLED if the service does not run,
    or has ended before it answered. One that is started again, or installed anew, can be asked again.
    """

    def __init__(self, service: str, size: int = 0) -> None:
        self._name = service
        self.number = find(service)
        self.buffer: memoryview = shared(size) if natural(size) else memoryview(b"")
        self._answers = [self]  # empty while a question is on its way
        self._life = None
        self._flag = self._awaited = None
        self._line = _lines.setdefault(self.number, [None])
        self._to = _NOBODY  # the service, while the line is this client's and no task waits for its answer

    def _take_line(self):
        # For the kernel, an app is one client of a service: it has one buffer, and one function for the answer.
        if self._awaited is not None and self._awaited.locked():
            raise SyscallError(_BUSY, "a task waits for this client's answer; another task has a client of its own")
        other = self._line[0]
        if other is not None and other is not self:
            other._to = _NOBODY
            if not other._answers:
                other._settle()
        self._line[0] = self
        allow_rw(_DRIVER, self.number, self.buffer or None)
        self._listen()
        self._to = self.number

    def _listen(self):
        subscribe(_DRIVER, self.number, self._come if self._flag else self._answers)

    def _come(self, service, length, address):
        self._answers.append(service)
        self._flag.set()

    def _look(self):
        # A service that has begun anew knows nothing of us.
        try:
            if command(_DRIVER, _LIFE, self.number) == self._life:
                return
        except OSError:
            pass
        while yield_no_wait():
            pass  # its answer may have been on its way before it ended
        if not self._answers:
            self._answers.append(None)
            raise _gone()

    def _settle(self):
        # Until the answer to the question before has come, whoever wants it.
        try:
            while not self._answers:
                if not yield_wait_within(_LOOK_MS):
                    self._look()
        except SyscallError as error:
            if error.errno != _UNINSTALLED:
                raise
            self._answers.clear()  # there will be none: who waits for it will be told so

    def notify(self) -> None:
        """Ask the service; then wait for its answer in one way or the other. An answer that is still to come to an
        earlier question, which was given up, is waited for and dropped: this blocks, so that tasks rather `await ask()`."""
        answers = self._answers
        if not answers:
            question = bytes(self.buffer)  # the late answer is written over it
            self._settle()
            self.buffer[:] = question
        answers.clear()
        try:
            try:
                self._life = _ask(self._to)
            except SyscallError as error:
                if error.errno != _INVAL:
                    raise
                self._life = self._ask_again()
        except BaseException:
            answers.append(None)
            raise

    def _ask_again(self):
        # The kernel refuses if another client has had the line; or if the service's place is empty, or another's.
        looked = self._to == self.number
        while True:
            if looked:
                self._find()
            self._take_line()
            try:
                return _ask(self._to)
            except SyscallError as error:
                if error.errno != _INVAL:
                    raise
            if looked:
                raise _gone()
            looked = True

    def _find(self):
        try:
            number = find(self._name)
        except SyscallError as error:
            raise _gone() if error.errno == _NODEVICE else error
        if number != self.number:
            if self._line[0] is self:
                self._line[0] = None
            self.number = number
            self._line = _lines.setdefault(number, [None])

    def wait(self) -> None:
        """Block until the service has answered."""
        answers = self._answers
        while not answers:
            if not yield_wait_within(_LOOK_MS):
                self._look()

    async def answer(self) -> None:
        """For `await`: the service has answered."""
        answers = self._answers
        if self._flag is None:
            import asyncio

            self._flag = asyncio.ThreadSafeFlag()
            self._awaited = asyncio.Lock()
            if self._line[0] is self:
                self._listen()
        async with self._awaited:
            self._to = _NOBODY
            try:
                while not answers:
                    if not await self._flag.wait(_LOOK_MS) and not answers:
                        self._look()
            finally:
                if self._line[0] is self:
                    self._to = self.number

    async def ask(self) -> None:
        """For `await`: ask the service what is in `buffer`, as soon as what was asked before has been answered, and wait for
        the answer. Other tasks run meanwhile; those that ask the same service come in turn, each with a client."""
        import asyncio

        line = self._line
        if len(line) < 2:
            line.append(asyncio.Lock())
        async with line[1]:
            question = bytes(self.buffer)
            for client in (line[0], self):
                if client is not None and not client._answers:
                    try:
                        await client.answer()
                    except SyscallError as error:
                        if error.errno != _UNINSTALLED:
                            raise
                        if client is not self:
                            client._answers.clear()  # there will be none: who waits for it will be told so
            self.buffer[:] = question
            self.notify()
            await self.answer()


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
        self._spare = None  # a copy that has been answered: the next may have its memory
        self._own = find(name)
        subscribe(_DRIVER, self._own, self._requests)

    def _come(self, client, length, address):
        if [request[0] for request in self._requests].count(client) < _WAITING:
            self._requests.append((client, length))
        self._flag.set()

    def _next(self):
        if self._owed:
            self._pay()
        requests = self._requests
        while requests:
            client, length = requests[0]
            if length > self._largest:
                length = self._largest
            if not length:
                del requests[0]
                return client, None
            buffer = self._spare
            if buffer is None or len(buffer) != length:
                buffer = bytearray(length)  # if there is no room, the request is still there
            self._spare = None
            del requests[0]
            # The kernel copies: what this app holds of a client's memory could vanish at any instruction.
            if self._lent is not buffer:
                self._lend(buffer)
            try:
                copied = _fetch(client)
            except OSError:
                self._spare = buffer
                continue  # it is gone
            if copied < length:
                buffer[copied:] = bytes(length - copied)  # of what another has left there, it gets nothing
            self._copies[client] = buffer
            return client, buffer
        return None

    def _lend(self, buffer):
        allow_rw(_DRIVER, self._own, buffer)
        self._lent = buffer

    def wait(self) -> "tuple[int, bytearray | None]":
        """Block until a client asks: its number, and a copy of what it shares, or None if it shares nothing. The copy is
        good until it is answered."""
        while True:
            while not self._requests and not self._owed:
                yield_wait()
            request = self._next()
            if request is None:
                if self._owed:
                    yield_wait(_LOOK_MS)
            else:
                return request

    async def request(self) -> "tuple[int, bytearray | None]":
        """For `await`: the same. Tasks that wait at once get a request each, in turn."""
        import asyncio

        if self._flag is None:
            self._flag = asyncio.ThreadSafeFlag()
            self._turn = asyncio.Lock()
            subscribe(_DRIVER, self._own, self._come)
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
        """Write back what its copy holds now, and tell the client that it is done; if it is gone, nobody is told. One that
        has asked again since, as its next life does, is answered then."""
        buffer = self._copies.pop(client, None)
        if self._requests and client in [request[0] for request in self._requests]:
            return
        try:
            if buffer is None:
                _notify(client)
            else:
                if self._lent is not buffer:
                    self._lend(buffer)
                self._spare = buffer
                _answer(client)
        except SyscallError as error:
            if error.errno == _NOMEM and client not in self._owed:
                self._owed.append(client)

    def _pay(self):
        # Who had no room for it had not looked for a while.
        for client in list(self._owed):
            try:
                _notify(client)
            except SyscallError as error:
                if error.errno == _NOMEM:
                    continue
            self._owed.remove(client)
