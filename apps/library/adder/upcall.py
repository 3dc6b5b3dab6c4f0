"""Waiting for upcalls, the blocking way and in asyncio tasks: events, and answers to requests.

A driver's upcall says nothing of what it answers. So a request to a driver is alone on its way: `Requests` lets the next
one begin when the answer to the last has come, even if nobody wants that any more.
"""

from syscall import check, command, subscribe, yield_wait


class Upcall:
    """Something that happens by itself (an edge, a press); `driver` and `number` as in the driver's documentation.

        come = upcall.expect()          before the command, so that nothing is missed
        syscall.command(...)
        a, b, c = come.wait()           or: await come.arrive()
    """

    def __init__(self, driver, number):
        self._waiters = []
        subscribe(driver, number, self._come)

    def _come(self, a, b, c):
        for waiter in self._waiters:
            waiter._come(a, b, c)

    def expect(self, *beginning):
        """The next upcall whose numbers begin like this; any number of tasks may expect at once."""
        waiter = _Waiter(self._waiters, beginning)
        self._waiters.append(waiter)
        return waiter

    def waiters_for(self, first):
        """Those that expect an upcall with this first number."""
        return [waiter for waiter in self._waiters if waiter.beginning[0] == first]


class _Waiter:
    def __init__(self, waiters, beginning):
        self._waiters = waiters
        self.beginning = beginning
        self._arguments = None
        self._flag = None

    def _come(self, *arguments):
        if self._arguments is None and arguments[: len(self.beginning)] == self.beginning:
            self._arguments = arguments
            if self._flag:
                self._flag.set()

    def cancel(self):
        """Wait no more."""
        if self in self._waiters:
            self._waiters.remove(self)

    def wait(self):
        """Block until it has come; returns its three numbers. Other handlers run meanwhile."""
        try:
            while self._arguments is None:
                yield_wait()
        finally:
            self.cancel()
        return self._arguments

    async def arrive(self):
        """For `await`: the same; other tasks run meanwhile."""
        from asyncio import ThreadSafeFlag

        try:
            if self._arguments is None:
                self._flag = ThreadSafeFlag()
                await self._flag.wait()
        finally:
            self.cancel()
        return self._arguments


class Requests:
    """Requests to one driver, each answered by one upcall, whichever of `numbers` it is: one at a time, in turn.

    Who blocks goes before the tasks that wait, since these cannot run meanwhile. A request that is given up
    (a cancelled task, Ctrl-C) keeps its turn until its answer has come and been dropped.
    """

    def __init__(self, driver, *numbers):
        self._driver = driver
        self._asked = None  # [answer] of the request that is on its way
        self._turn = None  # for tasks
        self._flag = None
        for number in numbers:
            subscribe(driver, number, self._come)

    def _come(self, a, b, c):
        asked = self._asked
        if asked is not None:
            self._asked = None
            asked[0] = (a, b, c)
            if self._flag:
                self._flag.set()

    def begin(self, number, a=0, b=0, allow=None, buffer=None):
        """Ask, when nothing is on its way any more (blocks); returns a list into which the answer comes."""
        while self._asked is not None:
            self._idle()
        if allow is not None:
            allow(self._driver, 0, buffer)
        self._asked = asked = [None]  # first: the answer may come inside of the command
        try:
            command(self._driver, number, a, b)
        except:
            self._asked = None
            raise
        return asked

    def _idle(self):
        yield_wait()

    def ask(self, number, a=0, b=0, allow=None, buffer=None):
        """Ask and block for the answer: its three numbers. `buffer` is lent to the driver meanwhile, by `allow`. Other
        handlers run."""
        try:
            asked = self.begin(number, a, b, allow, buffer)
            while asked[0] is None:
                yield_wait()
            return asked[0]
        finally:
            if allow is not None:
                self._take_back(allow)

    def _take_back(self, allow):
        # What an answer is still to be written to stays lent, and so does the next request's.
        if self._asked is None:
            allow(self._driver, 0, None)

    async def _come_to(self, asked):
        # Only one task waits here: the one whose turn it is.
        while self._asked is not None and (asked is None or asked[0] is None):
            await self._flag.wait()

    async def get(self, number, a=0, b=0, allow=None, buffer=None):
        """For `await`: the same."""
        import asyncio

        if self._turn is None:
            self._flag = asyncio.ThreadSafeFlag()
            self._turn = asyncio.Lock()
        async with self._turn:
            await self._come_to(None)  # an answer that nobody wants
            try:
                asked = self.begin(number, a, b, allow, buffer)
                await self._come_to(asked)
            finally:
                if allow is not None:
                    self._take_back(allow)
            return asked[0]


_made = {}


def requests(driver, *numbers):
    """The app's one `Requests` to this driver: made here the first time, so that an app need not have what it never asks."""
    made = _made.get(driver)
    if made is None:
        made = _made[driver] = Requests(driver, *numbers)
    return made


def checked(arguments):
    """An upcall's numbers behind the first, which is its status; raises SyscallError unless it is 0."""
    check(arguments[0])
    return arguments[1:]
