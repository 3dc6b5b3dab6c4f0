"""Stand-ins for the trusted modules, so that capsules run unmodified under CPython.

They keep the rules of the real ones (firmware/core): a buffer that was passed on raises, a record whose
process has ended raises, a revoked user buffer is empty.
"""

import sys
import types
from collections.abc import Callable
from typing import Any


class ErrorCode:
    FAIL, BUSY, ALREADY, OFF, RESERVE, INVAL, SIZE, CANCEL, NOMEM, NOSUPPORT, NODEVICE, UNINSTALLED, NOACK = range(
        1, 14
    )


SUCCESS = ("success",)


def success_u32(value: int) -> tuple[str, int]:
    return ("u32", int(value) & 0xFFFFFFFF)


def success_u32_shifted(value: int, shift: int) -> tuple[str, int]:
    return ("u32", value << shift & 0xFFFFFFFF)


class Layout:
    def __init__(self, upcalls=0, read_write=0, read_only=0, readable=0, u32=()) -> None:
        self.upcalls, self.read_write, self.read_only, self.u32 = upcalls, read_write, read_only, u32


class Buffer:
    def __init__(self, size: int, _of: "Buffer | None" = None) -> None:
        self._bytes = _of._bytes if _of else bytearray(size)
        self._stack = _of._stack if _of else [self]
        if _of:
            self._stack.append(self)

    def _check(self) -> None:
        if self._stack[-1] is not self:
            raise RuntimeError("the buffer was passed on")

    def move(self) -> "Buffer":
        self._check()
        return Buffer(0, self)

    def give_back(self) -> "Buffer":
        self._check()
        self._stack.pop()
        return self._stack[-1]

    def copy(self, to: int, source: "Buffer | bytes", start: int, length: int) -> int:
        self._check()
        data = source if isinstance(source, bytes) else source._bytes
        part = data[start : start + length][: len(self._bytes) - to]
        self._bytes[to : to + len(part)] = part
        return len(part)

    def __len__(self) -> int:
        self._check()
        return len(self._bytes)

    def __getitem__(self, index: int) -> int:
        self._check()
        return self._bytes[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._check()
        self._bytes[index] = value & 0xFF


class TakeCell:
    def __init__(self, value: Any = None) -> None:
        self._value = value

    def take(self) -> Any:
        value, self._value = self._value, None
        return value

    def put(self, value: Any) -> None:
        self._value = value

    def is_some(self) -> bool:
        return self._value is not None


class UserBuffer:
    """What a process allows; set `data` to allow, shrink or revoke it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def __len__(self) -> int:
        return len(self.data)

    def read(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        return buffer.copy(start, bytes(self.data), offset, length)

    def write(self, offset: int, buffer: Buffer, start: int, length: int) -> int:
        part = bytes(buffer[i] for i in range(start, start + length))[: max(0, len(self.data) - offset)]
        self.data[offset : offset + len(part)] = part
        return len(part)


class Entry:
    def __init__(self, layout: Layout) -> None:
        object.__setattr__(self, "_alive", True)
        self.upcalls: list[tuple[int, ...]] = []
        self._rw = [UserBuffer() for _ in range(layout.read_write)]
        self._ro = [UserBuffer() for _ in range(layout.read_only)]
        for name in layout.u32:
            setattr(self, name, 0)

    def alive(self) -> bool:
        return self._alive

    def schedule_upcall(self, number: int, a0: int, a1: int, a2: int, shift: int = 0) -> bool:
        if not self._alive:
            raise RuntimeError("the process of this grant has ended")
        self.upcalls.append((number, *(value << shift & 0xFFFFFFFF for value in (a0, a1, a2))))
        return True

    def read_only(self, number: int) -> UserBuffer:
        return self._ro[number] if self._alive else UserBuffer()

    def read_write(self, number: int) -> UserBuffer:
        return self._rw[number] if self._alive else UserBuffer()


class Process:
    """A process and its ProcessId in one."""

    def __init__(self, slot: int) -> None:
        self.slot, self.number = slot, slot + 1


class Grant:
    SLOTS = 16

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.entries: dict[int, Entry] = {}

    def enter(self, process: Process) -> Entry:
        return self.entries.setdefault(process.slot, Entry(self._layout))

    def entry(self, slot: int) -> Entry | None:
        return self.entries.get(slot)

    def kill(self, process: Process) -> None:
        """The process ends."""
        object.__setattr__(self.entries.pop(process.slot), "_alive", False)


class FakeAlarm:
    """A HIL Alarm with a 24-bit counter; `run` is time passing."""

    frequency = 25_000_000
    MASK = 0xFFFFFF

    def __init__(self, start: int = 0) -> None:
        self.time = start
        self.due: int | None = None
        self.fired: Callable[[], None] = lambda: None

    def now(self) -> int:
        return self.time & self.MASK

    def set_client(self, fired: Callable[[], None]) -> None:
        self.fired = fired

    def set_alarm(self, dt: int) -> None:
        assert 1 <= dt <= self.MASK // 2
        self.due = self.time + dt

    def disarm(self) -> None:
        self.due = None

    def run(self, ticks: int, latency: int = 0) -> None:
        """Let time pass; interrupts come `latency` ticks late."""
        end = self.time + ticks
        while self.due is not None and self.due + latency <= end:
            self.time = max(self.time, self.due + latency)
            self.due = None
            self.fired()
        self.time = max(self.time, end)


class FakeUart:
    """A HIL Uart; `sent` is what has gone out."""

    def __init__(self) -> None:
        self.sent = b""
        self.client: Any = None
        self.sending: tuple[Buffer, int] | None = None
        self.receiving: tuple[Buffer, int] | None = None
        self.received = 0

    def set_client(self, client: Any) -> None:
        self.client = client

    def transmit(self, buffer: Buffer, length: int) -> None:
        assert self.sending is None
        assert length >= 1
        self.sending = (buffer.move(), length)

    def finish(self) -> bool:
        """The transmission under way ends; False if there is none."""
        if self.sending is None:
            return False
        (buffer, length), self.sending = self.sending, None
        self.sent += bytes(buffer[i] for i in range(length))
        self.client.transmitted(buffer.give_back(), length, 0)
        return True

    def drain(self) -> None:
        while self.finish():
            pass

    def receive(self, buffer: Buffer, length: int) -> None:
        assert self.receiving is None
        self.receiving, self.received = (buffer.move(), length), 0

    def type(self, text: bytes) -> None:
        for byte in text:
            assert self.receiving is not None, "nobody reads"
            buffer, length = self.receiving
            buffer[self.received] = byte
            self.received += 1
            if self.received == length:
                self._end(0)

    def _end(self, status: int) -> None:
        if self.receiving is not None:
            (buffer, _), self.receiving = self.receiving, None
            self.client.received(buffer.give_back(), self.received, status)

    def receive_abort(self) -> None:
        self._end(ErrorCode.CANCEL)


def install(**config: int) -> None:
    """Put the stand-ins where capsules import them from."""
    log: list[str] = []
    placeholders = ("CommandReturn", "InterruptLine", "KernelLog", "ProcessControl", "ProcessId", "Registers")
    modules = {
        "kernel": {
            "ErrorCode": ErrorCode, "SUCCESS": SUCCESS, "Layout": Layout, "Entry": Entry, "Grant": Grant,
            "UserBuffer": UserBuffer, "success_u32": success_u32, "success_u32_shifted": success_u32_shifted,
            "log": log.append, "log_u32": lambda text, high, low: log.append(f"{text}{high << 16 | low:x}"),
            "messages": log, **{name: object for name in placeholders},
        },
        "cells": {"Buffer": Buffer, "TakeCell": TakeCell},
        "micropython": {"const": lambda value: value},
        "config": {
            "MAX_PROCESSES": 16, "FAULT_POLICY_PANIC": 0, "FAULT_POLICY_STOP": 0, "FAULT_POLICY_RESTART": 1,
            "RESTART_DELAY_MS": 100, "RESTART_DELAY_MAX_MS": 10000, **config,
        },
    }  # fmt: skip
    for name, contents in modules.items():
        module = types.ModuleType(name)
        module.__dict__.update(contents)
        sys.modules[name] = module
