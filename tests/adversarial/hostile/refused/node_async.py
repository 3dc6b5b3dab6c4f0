# refused: CP002
"""A coroutine."""

async def wait(other):
    return 1
