"""Waiting for upcalls, the blocking way and in asyncio tasks.

    come = upcall.expect()          before the command, so that nothing is missed
    syscall.command(...)
    a, b, c = come.wait()           or: await come.arrive()
"""

import syscall


class Upcall:
    """A subscription; `driver` and `number` as in the driver's documentation."""

    def __init__(self, driver, number):
        self._waiters = []
        syscall.subscribe(driver, number, self._come)

    def _come(self, a, b, c):
        for waiter in self._waiters:
            waiter._come(a, b, c)

    def expect(self, *beginning):
        """The next upcall whose numbers begin like this; any number of tasks may expect at once."""
        waiter = _Waiter(self._waiters, beginning)
        self._waiters.append(waiter)
        return waiter


class _Waiter:
    def __init__(self, waiters, beginning):
        self._waiters = waiters
        self._beginning = beginning
        self._arguments = None
        self._flag = None

    def _come(self, *arguments):
        if self._arguments is None and arguments[: len(self._beginning)] == self._beginning:
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
                syscall.yield_wait()
        finally:
            self.cancel()
        return self._arguments

    async def arrive(self):
        """The same for `await`: other tasks run meanwhile."""
        from asyncio import ThreadSafeFlag

        try:
            if self._arguments is None:
                self._flag = ThreadSafeFlag()
                await self._flag.wait()
        finally:
            self.cancel()
        return self._arguments


def checked(arguments):
    """An upcall's numbers behind the first, which is its status; raises SyscallError unless it is 0."""
    if arguments[0]:
        raise syscall.SyscallError(arguments[0], "the operation failed")
    return arguments[1:]


def command(driver, number, *arguments, waiter):
    """A command whose answer `waiter` waits for: if it is refused, nobody waits."""
    try:
        return syscall.command(driver, number, *arguments)
    except syscall.SyscallError:
        waiter.cancel()
        raise
