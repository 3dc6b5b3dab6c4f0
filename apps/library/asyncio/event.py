"""asyncio.Event, with MicroPython's interface."""

from . import core


class Event:
    """Set or not; any number of tasks wait until it is."""

    def __init__(self):
        self.state = False
        self.waiting = core.TaskQueue()
        self._queue = core._task_queue

    def is_set(self):
        return self.state

    def set(self):
        self.state = True
        while self.waiting.peek():
            self._queue.push(self.waiting.pop())

    def clear(self):
        self.state = False

    # async
    def wait(self):
        if not self.state:
            if self._queue is not core._task_queue:  # nobody waits any more whose loop has been forgotten
                self._queue = core._task_queue
                self.waiting = core.TaskQueue()
            self.waiting.push(core.cur_task)
            core.cur_task.data = self.waiting  # so that it can be cancelled
            yield
        return True
