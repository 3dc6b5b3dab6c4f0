"""Streams for tasks, with MicroPython's interface: sys.stdin, or any object that can be polled. There are no sockets."""

import sys
from _asyncio_loop import take

from . import core

# What `take` makes of what has come of the console: line ends are "\n", characters instead of bytes, no more than a line.
_LINE_ENDS = const(1)
_CHARACTERS = const(2)
_A_LINE = const(4)
_OTHER = const(8)  # it is not the console: the stream's own methods read
_HALF_MS = const(10)  # how long a stream is left alone that can be read, and has nothing: half a character


class Stream:
    """Reads and writes a stream while other tasks run."""

    def __init__(self, s, e={}):
        self.s = s
        self.e = e
        self.out_buf = b""
        self._sent = 0  # bytes of it
        self._sends = False  # a task does
        # The console's own methods wait for all that they want, and all tasks with them.
        self._how = _LINE_ENDS | _CHARACTERS if s is sys.stdin else 0 if s is sys.stdin.buffer else _OTHER

    def get_extra_info(self, v):
        return self.e[v]

    def close(self):
        pass

    async def wait_closed(self):
        self.s.close()

    def _read(self, n, how):
        # Until there is something.
        while True:
            yield core._io_queue.queue_read(self.s)
            if not how & _OTHER:
                data = take(n, how)
            else:
                data = self.s.readline() if how & _A_LINE else self.s.read(n)
            if data is not None:
                return data
            yield from core.sleep_ms(_HALF_MS)

    # async
    def read(self, n=-1):
        if n >= 0:
            return (yield from self._read(n, self._how))
        data = b""
        while True:
            part = yield from self._read(n, self._how)
            if not part:
                return data
            data = data + part if data else part

    # async
    def readinto(self, buf):
        if self._how & _OTHER:
            yield core._io_queue.queue_read(self.s)
            return self.s.readinto(buf)
        data = yield from self._read(len(buf), self._how & _LINE_ENDS)
        buf[: len(data)] = data
        return len(data)

    # async
    def readexactly(self, n):
        data = b""
        while n:
            part = yield from self._read(n, self._how)
            if not part:
                raise EOFError
            data = data + part if data else part
            n -= len(part)
        return data

    # async
    def readline(self):
        line = b""
        while True:
            part = yield from self._read(-1, self._how | _A_LINE)
            line = line + part if line else part
            if not part or line[-1] in (10, "\n"):
                return line

    def write(self, buf):
        if not self.out_buf:
            written = self.s.write(buf)
            if written == len(buf):
                return
            if written is not None:
                buf = buf[written:]
        self.out_buf += buf

    # async
    def drain(self):
        if not self.out_buf:
            # Others have their turn in any case.
            return (yield from core.sleep_ms(0))
        while self.out_buf:
            if self._sends:  # one task waits for a stream; it sends this one's bytes, too
                yield from core.sleep_ms(1)
                continue
            self._sends = True
            try:
                yield core._io_queue.queue_write(self.s)
            finally:
                self._sends = False
            # What has gone out is known before anybody else runs: this task may be cancelled.
            self._sent += self.s.write(memoryview(self.out_buf)[self._sent :]) or 0
            if self._sent >= len(self.out_buf):
                self.out_buf = b""
                self._sent = 0


StreamReader = Stream
StreamWriter = Stream
