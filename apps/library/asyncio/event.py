"""asyncio.Event, with MicroPython's interface."""

from . import core


class Event:
    """Set or not; any number of tasks wait until it is."""

    def __init__(self):
        self.state = False
        self.waiting = core.TaskQueue()

    def is_set(self):
        return self.state

    def set(self):
        self.state = True
        while self.waiting.peek():
            core._task_queue.push(self.waiting.pop())

    def clear(self):
        self.state = False

    # async
    def wait(self):
        if not self.state:
            self.waiting.push(core.cur_task)
            core.cur_task.data = self.waiting  # so that it can be cancelled
            yield
        return True
