"""Streams for tasks, with MicroPython's interface: sys.stdin, or any object that can be polled. There are no sockets."""

import sys
from _asyncio_loop import take
from syscall import bytes_of, natural

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
        self._kept = b""  # what has come, and was not all that a reader wanted who has been cancelled
        self._interrupts = 0  # of the loop, when it came
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

    def _take_kept(self):
        # What was typed before Ctrl-C is dropped.
        data = self._kept if self._how & _OTHER or self._interrupts == core._interrupts else b""
        self._keep(b"", core._interrupts)
        return data

    def _keep(self, data, interrupts):
        self._kept = data
        self._interrupts = interrupts

    # async
    def _until(self, n, how=0):
        # So many, or until the end of a line, or of all. What it has, if it is cancelled, is the next reader's.
        how |= self._how
        interrupts = core._interrupts
        data = self._take_kept()
        try:
            while True:
                end = 0
                if how & _A_LINE:
                    end = data.find("\n" if isinstance(data, str) else b"\n") + 1
                elif n <= len(data):
                    end = n
                if end > 0 or not n:
                    self._keep(data[end:], interrupts)
                    return data[:end]
                part = yield from self._read(n if n < 0 else n - len(data), how)
                if interrupts != core._interrupts:
                    interrupts = core._interrupts
                    if not how & _OTHER:
                        data = b""
                if not part:
                    if n > 0:
                        raise EOFError
                    return data or part
                data = data + part if data else part
        except BaseException:
            self._keep(data, interrupts)
            raise

    # async
    def _some(self, n):
        data = self._take_kept()
        if not data:
            return (yield from self._read(n, self._how))
        self._kept = data[n:]
        return data[:n]

    # async
    def read(self, n=-1):
        return self._until(-1) if n < 0 else self._some(n)

    # async
    def readinto(self, buf):
        view = bytes_of(buf)
        view[:0] = b""  # raises if nothing can be written there
        data = self._take_kept()
        if data:
            count = len(view)
            if isinstance(data, str):
                self._kept = data
                count = count // 4 or 1
                data = data[:count].encode()
                view[: len(data)] = data  # raises if it is too small for one
                self._kept = self._kept[count:]
                return len(data)
            self._kept = data[count:]
            data = data[:count]
        elif self._how & _OTHER:
            yield core._io_queue.queue_read(self.s)
            return self.s.readinto(buf)
        else:
            data = yield from self._read(len(view), self._how & ~_CHARACTERS)
        view[: len(data)] = data
        return len(data)

    # async
    def readexactly(self, n):
        return self._until(natural(n))

    # async
    def readline(self):
        return self._until(-1, _A_LINE)

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
