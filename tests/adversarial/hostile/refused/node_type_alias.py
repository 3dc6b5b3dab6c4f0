# refused: CP002
"""A base to start from: a class made while the module runs."""

async def f():
    return await f()
