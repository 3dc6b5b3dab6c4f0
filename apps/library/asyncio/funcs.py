"""asyncio.wait_for and gather, with MicroPython's interface. Neither begins a task, nor changes one, before it has looked at all
its arguments."""

from . import core


def _check(aw):
    if not isinstance(aw, core.Task) and not hasattr(aw, "send"):
        raise TypeError("coroutine expected")


async def _watch(aw, over):
    try:
        await aw
    except (core.CancelledError, Exception):
        pass  # for who waits
    over.set()


async def wait_for(awaitable, timeout, in_ms=core._in_ms):
    if timeout is None:
        return await awaitable
    _check(awaitable)
    if in_ms:
        timeout = in_ms(timeout)
    core.sleep_ms(timeout)  # raises if it is no time
    aw = core._promote_to_task(awaitable)
    iter(aw)  # raises if it is gathered
    over = core.ThreadSafeFlag()
    core.create_task(_watch(aw, over))
    cancelled = False
    try:
        if not await over.wait(timeout):
            await core.sleep_ms(0)  # what has come in time, and had no turn yet, has it first
            cancelled = aw.cancel()
            if cancelled:
                await over.wait()
    except BaseException:
        aw.cancel()
        raise
    try:
        result = await aw
    except core.CancelledError:
        if not cancelled:
            raise
    if cancelled:
        raise core.TimeoutError
    return result


# async
def wait_for_ms(awaitable, timeout):
    return wait_for(awaitable, timeout, None)


class _Remove:
    @staticmethod
    def remove(task):
        pass


# async
def gather(*aws, return_exceptions=False):
    for aw in aws:
        _check(aw)
        if isinstance(aw, core.Task) and not aw.done() and aw.state is not True:
            raise RuntimeError("can't gather")  # another task waits for it
    gather_task = core.cur_task
    waits = 0  # for so many
    failed = None

    def done(task, error):
        nonlocal waits, failed
        if gather_task.data is not _Remove:
            return  # it has been cancelled, or another task has failed
        if not return_exceptions and not isinstance(error, StopIteration):
            failed = error
        else:
            waits -= 1
            if waits:
                return
        core._task_queue.push(gather_task)

    tasks = [core._promote_to_task(aw) for aw in aws]
    for task in tasks:
        if task.state is True:
            task.state = done
            waits += 1
        elif task.done():
            task.state = False
            if not return_exceptions and not isinstance(task.data, StopIteration):
                failed = failed or task.data
    cancelled = None
    if waits and failed is None:
        gather_task.data = _Remove
        try:
            yield
        except core.CancelledError as error:
            cancelled = error
    for task in tasks:
        if task.state is done:
            task.state = True
            if cancelled:
                task.cancel()
    if cancelled or failed:
        raise cancelled or failed
    return [task.data.value if isinstance(task.data, StopIteration) else task.data for task in tasks]
