"""The loop of asyncio, with the interface that MicroPython's other asyncio modules expect of their `core`.

Two things differ from MicroPython's own. The loop sleeps in the kernel and runs upcalls at each switch, and a handler of
an upcall may wake a task itself (`ThreadSafeFlag.set`, `Event.set`): nothing is polled but streams. And what each switch needs is in C
(firmware/python_process/upstream_modasyncio.c): the wait for the next task and its turn, and the object that `sleep_ms`
gives. While no task runs, as when the loop sleeps and handlers run, `cur_task` is None.
"""

import select
import sys
from _asyncio import Task, TaskQueue
from _asyncio_loop import next_turn, sleep_ms
from time import ticks_ms

_LONG = const(1 << 28)  # ms, three days: then the wait begins again


class CancelledError(BaseException):
    """A task has been cancelled, or the one that it waits for."""


class TimeoutError(Exception):
    """What `wait_for` waited for did not come in time."""


def _in_ms(seconds):
    milliseconds = seconds * 1000
    whole = int(milliseconds)
    return whole + 1 if whole < milliseconds else whole


def sleep(seconds):
    """For `await`: sleep so many seconds, a float or an int; never less."""
    return sleep_ms(_in_ms(seconds))


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


def _finished(task, error, told=False):
    """A task is over: wake who waits for it. An exception that nobody has asked for yet, or is `told`, is reported later."""
    if task.state is True:  # nobody waits, until now
        task.state = False if told else None
    elif callable(task.state):
        task.state(task, error)
        task.state = False
        told = True
    elif task.state:
        while task.state.peek():
            _task_queue.push(task.state.pop())
            told = True
        task.state = False
    if not told and not isinstance(error, (CancelledError, StopIteration)):
        _task_queue.push(task)
    task.data = error


def _outcome(error):
    if isinstance(error, StopIteration):
        return error.value
    raise error


def _check_none_runs():
    if _runs:
        raise RuntimeError("a task cannot run a loop: await it")


def run_until_complete(main_task=False):
    """Run tasks until this one is over; returns what it returned. Without one: until nothing is left to do.

    A loop that is left by an exception (Ctrl-C, SystemExit, a handler's) cancels the main task first, if it was a coroutine
    which nobody else can await.
    """
    global _runs
    _check_none_runs()
    task = main_task if main_task is False else _promote_to_task(main_task)
    if task and task.done():
        task.state = False
        return _outcome(task.data)
    _runs = True
    try:
        result = _run(task)
    except BaseException as error:
        _leave(task is not main_task and task, error)
        raise
    _runs = False
    return result


run = run_until_complete  # no frame of its own


_CAUGHT = (CancelledError, Exception)


def _run(main_task):
    global cur_task
    queue = _task_queue
    woken = _woken
    streams = _io_queue
    polled = streams.map
    turn = next_turn
    while True:
        task = None
        try:
            while not task:
                if polled:
                    streams.wait_io_event(0)
                task = turn(queue, woken, polled, main_task)  # whatever wakes the main task, it comes by an upcall
        except _CAUGHT as error:
            task = cur_task
            if task is None:
                raise  # a handler has
            _finished(task, error, task is main_task)
            cur_task = None
            if task is main_task:
                return _outcome(error)
            continue
        if task is True:
            return
        _report(task, task.data)


def _left(error):
    global cur_task, _interrupts
    if cur_task is not None:  # it has ended by what ends the loop
        _finished(cur_task, CancelledError())
        cur_task = None
    if isinstance(error, KeyboardInterrupt):
        _interrupts += 1


def _leave(main_task, error):
    """The loop has been left by an exception: let the main task end, which is False if there is none, or it was given."""
    global _runs
    try:
        _left(error)
        if main_task and main_task.cancel():
            try:
                _run(main_task)
            except CancelledError:
                pass
            except Exception as raised:
                if main_task.done():
                    _report(main_task, raised)
            _run(create_task(sleep_ms(0)))  # what it has cancelled has a turn, too
    except BaseException as raised:
        _left(raised)
        raise
    finally:
        _runs = False


def _report(task, error):
    _exc_context["exception"] = error
    _exc_context["future"] = task
    Loop.call_exception_handler(_exc_context)


_exc_context = {"message": "Task exception wasn't retrieved", "exception": None, "future": None}
cur_task = None
_runs = False  # whether a loop does
_interrupts = 0  # loops that Ctrl-C has ended
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
        _check_none_runs()
        _stop_task = Task(_stopper(), globals())
        try:
            run_until_complete(_stop_task)
        finally:
            _stop_task = None

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
