"""asyncio.Lock, with MicroPython's interface."""

from . import core


class Lock:
    """One task at a time has it; the others wait in turn. What tasks of a loop had that has been forgotten is open."""

    def __init__(self):
        self.state = 0  # 1: a task has it; a Task: it is the next one's, which will run soon
        self.waiting = self._queue = None

    def locked(self):
        return self.state == 1 and self._queue is core._task_queue

    def release(self):
        if not self.locked():
            raise RuntimeError("Lock not acquired")
        self._pass_on()

    def _pass_on(self):
        self.state = self.waiting.pop() if self.waiting.peek() else 0
        if self.state:
            self._queue.push(self.state)

    # async
    def acquire(self):
        if self._queue is not core._task_queue:
            self._queue = core._task_queue
            self.waiting = core.TaskQueue()
            self.state = 0
        if self.state:
            task = core.cur_task
            self.waiting.push(task)
            task.data = self.waiting  # so that it can be cancelled
            try:
                yield
            except core.CancelledError:
                if self.state is task:
                    self._pass_on()
                raise
        self.state = 1
        return True

    async def __aenter__(self):
        return await self.acquire()

    async def __aexit__(self, exc_type, exc, tb):
        return self.release()
