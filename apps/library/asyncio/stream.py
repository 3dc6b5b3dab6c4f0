"""Streams for tasks, with MicroPython's interface: sys.stdin, or any object that can be polled. There are no sockets."""

from . import core


class Stream:
    """Reads and writes a stream while other tasks run."""

    def __init__(self, s, e={}):
        self.s = s
        self.e = e
        self.out_buf = b""
        self._sent = 0  # bytes of it
        self._sends = False  # a task does

    def get_extra_info(self, v):
        return self.e[v]

    def close(self):
        pass

    async def wait_closed(self):
        self.s.close()

    def _read(self, method, *arguments):
        # Until there is something: a stream may be ready and yet have nothing.
        while True:
            yield core._io_queue.queue_read(self.s)
            data = method(*arguments)
            if data is not None:
                return data

    # async
    def read(self, n=-1):
        if n >= 0:
            return (yield from self._read(self.s.read, n))
        data = b""
        while True:
            part = yield from self._read(self.s.read, n)
            if not part:
                return data
            data += part

    # async
    def readinto(self, buf):
        yield core._io_queue.queue_read(self.s)
        return self.s.readinto(buf)

    # async
    def readexactly(self, n):
        data = b""
        while n:
            part = yield from self._read(self.s.read, n)
            if not part:
                raise EOFError
            data += part
            n -= len(part)
        return data

    # async
    def readline(self):
        line = b""
        while True:
            part = yield from self._read(self.s.readline)
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
