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
_LARGEST = const(2048)  # bytes that the kernel copies at once
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


def _unasked():
    return SyscallError(_UNINSTALLED, "there is no answer: notify() asks again")


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
    """What a client has of a service. `buffer` is lent to the service: at least `size` bytes, up to 2,048, or none if that is 0.

    One question at a time: `notify()`, then `wait()` or `await answer()`; or `await ask()`, which is both, for tasks. From
    then on `buffer` is the service's, until one of these has returned or raised: who gives up (a timeout, Ctrl-C) has it
    back, and no late answer is written over the next question. Tasks that ask one service have a client each, and ask in turn.

    Each raises SyscallError UNINSTALLED if the service does not run, or has ended before it answered. One that is started
    again, or installed anew, can be asked again. To make a Client of what is not installed raises NODEVICE: try again later.
    """

    _copy = None  # of a question that has been given up: what is lent instead of `buffer`

    def __init__(self, service: str, size: int = 0) -> None:
        self._name = service
        natural(size, _LARGEST)
        self.number = find(service)
        self.buffer: memoryview = shared(size) if size else memoryview(bytearray(0))
        self._answers = [self]  # empty while a question is on its way; [None, ...] if its answer is not in `buffer`
        self._life = None
        self._flag = self._awaited = None
        self._line = _lines.setdefault(self.number, [None])
        self._to = _NOBODY  # the service, while the line is this client's and no task waits for its answer

    def _is_awaited(self):
        return self._awaited is not None and self._awaited.locked() and self._copy is None

    def _take_line(self):
        # For the kernel, an app is one client of a service: it has one buffer, and one function for the answer.
        if self._is_awaited():
            raise SyscallError(_BUSY, "a task waits for this client's answer; another task has a client of its own")
        other = self._line[0]
        if other is not None and other is not self:
            other._to = _NOBODY
            if not other._answers:
                other._settle()
        self._line[0] = self
        allow_rw(_DRIVER, self.number, self.buffer or None)
        if self._copy is not None:
            self._copy = None
        self._listen()
        self._to = self.number

    def _listen(self):
        subscribe(_DRIVER, self.number, self._come if self._flag or self._copy is not None else self._answers)

    def _come(self, service, length, address):
        self._answers.append(self if self._copy is None else None)
        if self._flag:
            self._flag.set()

    def _give_up(self):
        # The question stays, in a copy: the answer may be written at any time.
        if self._answers or self._copy is not None:
            return
        copy = None
        if self.buffer:
            try:
                copy = shared(len(self.buffer))
                copy[:] = self.buffer
            except MemoryError:
                pass
        allow_rw(_DRIVER, self.number, copy)
        self._copy = copy or b""
        self.wait = self._wait_careful
        self._to = _NOBODY
        self._listen()

    def _has_no_answer(self):
        # Who has given up, and waits again, has the late answer all the same.
        copy = self._copy
        if copy is None or len(copy) != len(self.buffer):
            raise _unasked()
        self.buffer[:] = copy
        self._copy = None
        self._answers[0] = self

    def _fail(self):
        if self._copy is not None:
            self._copy = None
        self._answers.clear()
        self._answers.append(None)
        self.wait = self._wait_careful

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
            self._fail()
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

    def _drop(self):
        # What is still to come to the question before is not for the next one.
        if self._is_awaited():
            raise SyscallError(_BUSY, "a task waits for this client's answer; another task has a client of its own")
        self._give_up()

    def notify(self) -> None:
        """Ask the service; then wait for its answer in one way or the other. An answer that is still to come to an
        earlier question, which was given up, is waited for and dropped: this blocks, so that tasks rather `await ask()`."""
        answers = self._answers
        if not answers:
            self._drop()
            self._settle()
        try:
            try:
                self._life = _ask(self._to)
            except SyscallError as error:
                if error.errno != _INVAL:
                    raise
                self._life = self._ask_again()
        except BaseException:
            if not self._is_awaited():
                self._fail()
            raise
        answers.clear()  # no upcall comes between

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
        try:
            while not answers:
                if not yield_wait_within(_LOOK_MS):
                    self._look()
        except BaseException:
            self._give_up()
            raise

    def _wait_careful(self):
        # From the first time on that a question was given up or failed; until then nobody pays for that.
        Client.wait(self)
        if not self._answers[0]:
            self._has_no_answer()

    async def answer(self) -> None:
        """For `await`: the service has answered."""
        try:
            await self._arrive()
        except BaseException:
            self._give_up()
            raise
        if not self._answers[0]:
            self._has_no_answer()

    async def _arrive(self):
        # Whoever wants it.
        answers = self._answers
        if self._flag is None:
            import asyncio

            self._flag = asyncio.ThreadSafeFlag()
            self._awaited = asyncio.Lock()
            if self._line[0] is self:
                self._listen()
        async with self._awaited:
            to = self._to
            self._to = _NOBODY
            try:
                while not answers:
                    if not await self._flag.wait(_LOOK_MS) and not answers:
                        self._look()
            finally:
                if self._line[0] is self and self._copy is None:
                    self._to = to  # nobody, if another buffer was lent when this began

    async def ask(self) -> None:
        """For `await`: ask the service what is in `buffer`, as soon as what was asked before has been answered, and wait for
        the answer. Other tasks run meanwhile; those that ask the same service come in turn, each with a client."""
        import asyncio

        line = self._line
        if len(line) < 2:
            line.append(asyncio.Lock())
        async with line[1]:
            if not self._answers:
                self._drop()
            for client in (line[0], self):
                if client is not None and not client._answers:
                    try:
                        await client._arrive()
                    except SyscallError as error:
                        if error.errno != _UNINSTALLED:
                            raise
            self.notify()
            await self.answer()


class _Again(int):
    """The number of a client that has asked again before it was answered: the same number, and another object."""


class Service:
    """A service; `name` is this app's own name, by which clients find it. No more than `largest` bytes of what a client
    shares are seen, so that none can take all of the memory; 2,048 at the most."""

    _again = None  # by client: its number, as it has been given out with its last request

    def __init__(self, name: str, largest: int = 1024) -> None:
        self._largest = natural(largest, _LARGEST)
        self._requests = []  # (client, bytes that it shares)
        self._copies = {}  # by client that is to be answered: what of it has been given out to be changed, or None
        self._owed = []  # clients that had no room for their answer yet
        self._flag = None
        self._at = 0  # the address of the copy that the kernel knows: who makes one longer moves it
        self._spare = None  # a copy that has been answered: the next may have its memory
        self._own = find(name)
        subscribe(_DRIVER, self._own, self._requests)

    def _come(self, client, length, address):
        if [request[0] for request in self._requests].count(client) < _WAITING:
            self._requests.append((client, length))
        self._flag.set()

    def _next(self):
        requests = self._requests
        while requests:
            client, length = requests[0]
            buffer = self._spare
            if buffer is None or len(buffer) != length:
                if length > self._largest:
                    length = self._largest
                if buffer is None or len(buffer) != length:
                    buffer = bytearray(length)  # if there is no room, the request is still there
                    self._at = 0
            del requests[0]
            if length:
                # The kernel copies: what this app holds of a client's memory could vanish at any instruction.
                if self._at != addressof(buffer):
                    self._lend(buffer)
                try:
                    if _fetch(client) != length:
                        self._fetch_less(client, buffer)
                except OSError:
                    self._spare = buffer
                    continue  # it is gone
                self._spare = None
            else:
                buffer = None
            copies = self._copies
            if copies:
                client = self._numbered(client)
            copies[client] = buffer
            return client, buffer
        return None

    # What a service does from the first time on that a client asks again before it is answered, or has no room for its
    # answer. Then each request of a client has a number of its own; until then nobody pays for that.

    def _numbered(self, client):
        if client in self._copies:
            if self._again is None:
                self._again = {}
            self._again[client] = _Again(client)
            self._next = self._next_careful
            self.answer = self._answer_careful
        return self._again.get(client, client) if self._again else client

    def _next_careful(self):
        if self._owed:
            self._pay()
        request = Service._next(self)
        if request is not None and self._again:
            return self._again.get(request[0], request[0]), request[1]
        return request

    def _answer_careful(self, client):
        if self._again.get(client, client) is client:
            Service.answer(self, client)

    def _fetch_less(self, client, buffer):
        self._lend(buffer)  # it may have grown where it is
        copied = _fetch(client)
        buffer[copied:] = bytes(len(buffer) - copied)  # of what another has left there, it gets nothing

    def _lend(self, buffer):
        allow_rw(_DRIVER, self._own, buffer)
        self._at = addressof(buffer)

    def wait(self) -> "tuple[int, bytearray | None]":
        """Block until a client asks: its number, and a copy of what it shares, or None if it shares nothing. The copy is
        good until it is answered."""
        requests = self._requests
        while True:
            while not requests and not self._owed:
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
        """Write back what its copy holds now, no more of it than the client shares, and tell the client that it is done; if it
        is gone, nobody is told. `client` is the number that came with the request: it equals that of each request of this
        client, and yet of one that has asked again since, as its next life does, only the last request is answered."""
        try:
            buffer = self._copies.pop(client)
            if self._requests and client in [request[0] for request in self._requests]:
                return
            if buffer is None:
                _notify(client)
            else:
                if self._at != addressof(buffer):
                    self._lend(buffer)
                self._spare = buffer
                _answer(client)
        except KeyError:
            pass  # it has been answered
        except SyscallError as error:
            if error.errno == _NOMEM and client not in self._owed:
                self._owed.append(client)
                self._next = self._next_careful

    def _pay(self):
        # Who had no room for it had not looked for a while. One that has asked again is answered then.
        while yield_no_wait():
            pass
        for client in list(self._owed):
            try:
                if client not in self._copies and client not in [request[0] for request in self._requests]:
                    _notify(client)
            except SyscallError as error:
                if error.errno == _NOMEM:
                    continue
            self._owed.remove(client)
