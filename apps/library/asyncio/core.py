"""The loop of asyncio, with the interface that MicroPython's other asyncio modules expect of their `core`.

Two things differ from MicroPython's own. The loop sleeps in the kernel and runs upcalls at each switch, and a handler of
an upcall may wake a task itself (`ThreadSafeFlag.set`): nothing is polled but streams. And what each switch needs is in C
(firmware/port/upstream_modasyncio.c): the wait for the next task, and the object that `sleep_ms` gives.
"""

import select
import sys
from _asyncio import Task, TaskQueue
from _asyncio_loop import next_task, sleep_ms
from time import ticks_ms

_LONG = const(1 << 28)  # ms, three days: then the wait begins again


class CancelledError(BaseException):
    """A task has been cancelled, or the one that it waits for."""


class TimeoutError(Exception):
    """What `wait_for` waited for did not come in time."""


def sleep(seconds):
    """For `await`: sleep so many seconds, a float or an int; never less."""
    milliseconds = seconds * 1000
    whole = int(milliseconds)
    if whole < milliseconds:
        whole += 1
    return sleep_ms(whole)


class ThreadSafeFlag:
    """A flag that a task waits for; whoever may set it, handlers of upcalls included. A wait that is over clears it."""

    def __init__(self):
        self.state = False
        self._task = None

    def set(self):
        self.state = True
        task = self._task
        if task is not None:
            self._task = None
            self._woken.append(task)

    def clear(self):
        self.state = False

    # async
    def wait(self, milliseconds=_LONG):
        """For `await`, of one task at a time: until the flag is set, or so long. Returns whether it was."""
        limited = milliseconds != _LONG
        while not self.state:
            self._task = cur_task
            self._woken = _woken  # of this loop: in a later one, nobody is to wake the task
            try:
                yield from sleep_ms(milliseconds)
            finally:
                self._task = None
            if limited:
                break
        state = self.state
        self.state = False
        return state


class IOQueue:
    """Tasks that wait until a stream can be read or written: [reader, writer, stream] by the stream's id."""

    def __init__(self):
        self.poller = select.poll()
        self.map = {}

    def _wait(self, stream, side):
        entry = self.map.get(id(stream))
        if entry is None:
            self.poller.register(stream, 0)  # raises if it is none
            entry = self.map[id(stream)] = [None, None, stream]
        if entry[side] is not None:
            raise RuntimeError("another task waits for this stream")
        entry[side] = cur_task
        self._register(entry)
        cur_task.data = self  # so that it can be cancelled

    def _register(self, entry):
        events = (entry[0] and select.POLLIN) or 0
        if entry[1]:
            events |= select.POLLOUT
        if events:
            self.poller.register(entry[2], events)
        else:
            del self.map[id(entry[2])]
            self.poller.unregister(entry[2])

    def queue_read(self, stream):
        self._wait(stream, 0)

    def queue_write(self, stream):
        self._wait(stream, 1)

    def remove(self, task):
        for entry in list(self.map.values()):
            for side in (0, 1):
                if entry[side] is task:
                    entry[side] = None
                    self._register(entry)

    def wait_io_event(self, milliseconds):
        for stream, events in list(self.poller.poll(milliseconds)):
            entry = self.map[id(stream)]
            for side, others in ((0, select.POLLOUT), (1, select.POLLIN)):
                if entry[side] is not None and events & ~others:
                    _task_queue.push(entry[side])
                    entry[side] = None
            self._register(entry)


def _promote_to_task(awaitable):
    return awaitable if isinstance(awaitable, Task) else create_task(awaitable)


def create_task(coroutine):
    """Run the coroutine beside the others; returns its Task."""
    if not hasattr(coroutine, "send"):
        raise TypeError("coroutine expected")
    task = Task(coroutine, globals())
    # In a task, at the loop's own time, so that who sleeps for no time after this goes behind it.
    if cur_task is None:
        _task_queue.push(task, ticks_ms())
    else:
        _task_queue.push(task)
    return task


def _finished(task, error):
    """A task is over: wake who waits for it. An exception that nobody has asked for yet is reported later."""
    waited = False
    if task.state is True:  # nobody waits, until now
        task.state = None
    elif callable(task.state):
        task.state(task, error)
        task.state = False
        waited = True
    else:
        while task.state.peek():
            _task_queue.push(task.state.pop())
            waited = True
        task.state = False
    if not waited and not isinstance(error, (CancelledError, StopIteration)):
        _task_queue.push(task)
    task.data = error


def run_until_complete(main_task=None):
    """Run tasks until this one is over; returns what it returned."""
    global cur_task
    if cur_task is not None:
        raise RuntimeError("a task cannot run a loop: await it")
    if main_task is not None:
        main_task = _promote_to_task(main_task)
    try:
        return _run(main_task)
    finally:
        cur_task = None


def _run(main_task):
    global cur_task
    queue = _task_queue
    streams = _io_queue
    woken = _woken
    caught = (CancelledError, Exception)
    while True:
        if streams.map:
            streams.wait_io_event(0)
        task = next_task(queue, streams.map, woken)
        if not task:
            if task is None:
                continue
            return
        cur_task = task
        try:
            error = task.data
            if not error:
                task.coro.send(None)
            else:
                # Cancelled; or over, with an exception for which nobody asked: then this raises StopIteration.
                task.data = None
                task.coro.throw(error)
        except caught as raised:
            if task is main_task:
                if isinstance(raised, StopIteration):
                    return raised.value
                raise raised
            if task.state:
                _finished(task, raised)
            elif task.state is None:
                task.data = error
                _exc_context["exception"] = error
                _exc_context["future"] = task
                Loop.call_exception_handler(_exc_context)


def run(coroutine):
    """Run the coroutine as the main task; returns what it returned, or raises what it raised."""
    return run_until_complete(coroutine)


_exc_context = {"message": "Task exception wasn't retrieved", "exception": None, "future": None}
cur_task = None
_stop_task = None


async def _stopper():
    pass


class Loop:
    """The one loop, as `get_event_loop()` gives it."""

    _exc_handler = None

    def create_task(coroutine):
        return create_task(coroutine)

    def run_forever():
        global _stop_task
        _stop_task = Task(_stopper(), globals())
        run_until_complete(_stop_task)

    def run_until_complete(awaitable):
        return run_until_complete(awaitable)

    def stop():
        global _stop_task
        if _stop_task is not None:
            _task_queue.push(_stop_task)
            _stop_task = None

    def close():
        pass

    def set_exception_handler(handler):
        Loop._exc_handler = handler

    def get_exception_handler():
        return Loop._exc_handler

    def default_exception_handler(loop, context):
        print(context["message"], file=sys.stderr)
        print("future:", context["future"], "coro=", context["future"].coro, file=sys.stderr)
        sys.print_exception(context["exception"], sys.stderr)

    def call_exception_handler(context):
        (Loop._exc_handler or Loop.default_exception_handler)(Loop, context)


def get_event_loop(runq_len=0, waitq_len=0):
    return Loop


def current_task():
    """The Task that runs."""
    if cur_task is None:
        raise RuntimeError("no running event loop")
    return cur_task


def new_event_loop():
    """Forget all tasks."""
    global _task_queue, _io_queue, _woken
    _task_queue = TaskQueue()
    _woken = []  # tasks whose flag has been set
    _io_queue = IOQueue()
    return Loop


new_event_loop()
