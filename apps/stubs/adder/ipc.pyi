"""Messages between apps (driver 0x10000, permission "ipc"), written in whatever language: a client lends a service a
buffer, notifies it, and the service notifies back.

    # the service, whose app is named "rot13"
    service = ipc.Service("rot13")
    while True:
        client, buffer = service.wait()
        ...  # change buffer
        service.answer(client)

    # a client
    rot13 = ipc.Client("rot13", 64)
    rot13.buffer[:5] = b"hello"
    rot13.notify()
    rot13.wait()
    print(bytes(rot13.buffer[:5]))

What a client does is its own affair: it may end at any time, never look for its answer, share nothing. The service's
`buffer` is a copy, which `answer` writes back if the client is still there.
"""


def find(name: str) -> int:
    """The number of the app with this name. Raises SyscallError NODEVICE if there is none."""
    ...

def shared(size: int) -> memoryview:
    """A buffer that the memory protection unit can lend: a power of two, at a multiple of itself."""
    ...

class Client:
    """What a client has of a service. `buffer` is lent to the service: at least `size` bytes, up to 2,048, or none if that is 0.

    One question at a time: `notify()`, then `wait()` or `await answer()`; or `await ask()`, which is both, for tasks. From
    then on `buffer` is the service's, until one of these has returned or raised: who gives up (a timeout, Ctrl-C) has it
    back, and no late answer is written over the next question. Tasks that ask one service have a client each, and ask in turn.

    Each raises SyscallError UNINSTALLED if the service does not run, or has ended before it answered. One that is started
    again, or installed anew, can be asked again. To make a Client of what is not installed raises NODEVICE: try again later.
    """
    number: int
    buffer: memoryview
    def __init__(self, service: str, size: int = 0) -> None: ...
    def notify(self) -> None:
        """Ask the service; then wait for its answer in one way or the other. An answer that is still to come to an
        earlier question, which was given up, is waited for and dropped: this blocks, so that tasks rather `await ask()`.
        """
        ...
    def wait(self) -> None:
        """Block until the service has answered."""
        ...
    async def answer(self) -> None:
        """For `await`: the service has answered."""
        ...
    async def ask(self) -> None:
        """For `await`: ask the service what is in `buffer`, as soon as what was asked before has been answered, and wait for
        the answer. Other tasks run meanwhile; those that ask the same service come in turn, each with a client.
        """
        ...

class Service:
    """A service; `name` is this app's own name, by which clients find it. No more than `largest` bytes of what a client
    shares are seen, so that none can take all of the memory; 2,048 at the most.
    """
    def __init__(self, name: str, largest: int = 1024) -> None: ...
    def wait(self) -> tuple[int, bytearray | None]:
        """Block until a client asks: its number, and a copy of what it shares, or None if it shares nothing. The copy is
        good until it is answered.
        """
        ...
    async def request(self) -> tuple[int, bytearray | None]:
        """For `await`: the same. Tasks that wait at once get a request each, in turn."""
        ...
    def answer(self, client: int) -> None:
        """Write back what its copy holds now, no more of it than the client shares, and tell the client that it is done; if it
        is gone, nobody is told. `client` is the number that came with the request: it equals that of each request of this
        client, and yet of one that has asked again since, as its next life does, only the last request is answered.
        """
        ...
