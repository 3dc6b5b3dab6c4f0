"""IPC between user programs: discovery. The rest is the core's (firmware/kernel/ipc.c).

Driver number 0x10000 (stable since Tock 2.0).

Command
    0 exists            -> success
    1 discover          -> success_u32(index of the process whose name is in the buffer), INVAL, NODEVICE
    2 notify service i  -> success, INVAL if there is no such process, NOMEM if it has too many waiting
    3 notify client i   -> success, INVAL, NOMEM
    4 fetch         i   -> success_u32(bytes copied, at most 2,048, from what process i shares with this one to the buffer
                           that this one has allowed under its own index), INVAL if there is no such process
    5 store         i   -> success_u32(bytes copied back), INVAL
    6 life          i   -> success_u32(a number that no other life of a process has), INVAL
    7 ask           i   -> 2 and 6 in one: success_u32(the service's life), INVAL, NOMEM
    8 answer        i   -> 5 and 3 in one: success, INVAL, NOMEM if what was stored could not be told

4 to 8 are not Tock's: a service that copies holds nothing that could vanish with its client.

Subscribe
    i: notified. As a service: its own index. As a client: the service's index.
       (index of who notified, bytes shared, address) or (index, 0, 0)

Allow read-only
    0 the name to discover

Allow read-write
    i: the buffer to share with process i
"""

from kernel import SUCCESS, CommandReturn, ErrorCode, Grant, Layout, ProcessControl, ProcessId, success_u32
from micropython import const

import config

DRIVER_NUM = const(0x10000)

LAYOUT = Layout(upcalls=config.MAX_PROCESSES, read_write=config.MAX_PROCESSES, read_only=1)

# Commands
_EXISTS = const(0)
_DISCOVER = const(1)


class IpcDriver:
    """Finds processes by name."""

    def __init__(self, grant: Grant, processes: ProcessControl) -> None:
        self._grant = grant
        self._processes = processes

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _DISCOVER:
            return self._discover(process)
        return ErrorCode.NOSUPPORT

    def _discover(self, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        name = entry.read_only(0)
        if not name:
            return ErrorCode.INVAL
        slot = self._processes.find(name)
        return ErrorCode.NODEVICE if slot < 0 else success_u32(slot)
