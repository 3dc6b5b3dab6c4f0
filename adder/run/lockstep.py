"""QEMU in step with its host: the clock "fast" of `adder.run.simulate`.

The board runs only while the host waits for it, and stops where its kernel comes by again and again: before it sleeps
(`dsb; wfi`) and at the end of a time slice (SysTick). There the host looks at what has been printed, types the next
character, or is done; until it goes on, the board's time stands still. So nothing depends on how quick either is.

The stops are breakpoints, set through QEMU's gdb stub. Two things about them are not obvious:
- With `-icount sleep=off`, QEMU takes a CPU that a breakpoint has stopped for one that sleeps, and lets time pass until
  the next timer's end. A timer that the board does not use ends every `TICK` and so limits that.
- A breakpoint at the program counter is hit again when QEMU goes on. From `dsb` the host goes on behind it: at `wfi`,
  or behind that as well, since `wfi` may always end for no reason. What the first instruction of SysTick's handler
  does, the host does in its place; only what it does not know is stepped over. Each stop costs QEMU all that it has
  translated, and a step is two.
"""

import re
import select
import socket
from functools import lru_cache
from pathlib import Path
from typing import Literal

from elftools.elf.elffile import ELFFile

from adder.errors import AdderError

HZ = 25_000_000
"""The clock that the board's timers count."""

TICK = HZ // 4000
TYPING = HZ * 10 // 115_200
"""Cycles that a character takes on the wire."""

# AN386, table 3-1 and 3-7; CMSDK TRM, tables 4-11, 4-14 and 4-16
_TIMER0 = 0x4000_0000  # CTRL, VALUE, RELOAD
_ALARM = 0x4000_2020  # the dual timer's second half: LOAD, VALUE, CONTROL, INTCLR, RIS
_UART = 0x4000_4000  # DATA, STATE, CTRL
_FPGAIO_CLOCKS = 0x4002_8014  # CLK100HZ, COUNTER

_ALARM_ENABLE, _ALARM_ONE_SHOT = 0x80, 0x01
_UART_RX_FULL = 2
_UART_RX_ENABLE = 2

_SLEEP = b"\xbf\xf3\x4f\x8f\x30\xbf"  # dsb sy; wfi
_END = b"\x30\xbf\xfd\xe7"  # wfi; b .-2: a kernel that has ended for good
_DSB, _WFI = 4, 2  # bytes
_LDR_LITERAL = 0b01001  # ARMv7-M, A7.7.43, T1: these five bits, three of the register, eight of the offset in words

_PC = 15

PATIENCE, HURRY = 1.0, 0.02
"""Seconds of the host until a board that comes by nowhere is stopped where it is; the second if it never sleeps."""

SILENCE = 60.0
"""Seconds of the host until QEMU is believed to be dead."""

Where = Literal["sleep", "tick", "end", "elsewhere"]


class StubError(AdderError):
    """QEMU's gdb stub has gone."""


@lru_cache
def _stops(kernel: Path, _changed: int) -> dict[int, Where]:
    found: dict[int, Where] = {}
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            for pattern, where in ((_SLEEP, "sleep"), (_END, "end")):
                for match in re.finditer(re.escape(pattern), data):
                    found[start + match.start()] = where  # type: ignore[assignment]
            if start == 0 and len(data) >= 64:
                found[int.from_bytes(data[60:64], "little") & ~1] = "tick"  # ARMv7-M, B1.5.3: the vector of SysTick
    return found


@lru_cache
def _loads(kernel: Path, _changed: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            for at, where in stops_of(kernel).items():
                if where == "tick" and start <= at < start + len(data) - 1:
                    instruction = int.from_bytes(data[at - start : at - start + 2], "little")
                    literal = (at + 4 & ~3) + 4 * (instruction & 0xFF) - start
                    if instruction >> 11 == _LDR_LITERAL and 0 <= literal <= len(data) - 4:
                        value = int.from_bytes(data[literal : literal + 4], "little")
                        found[at] = (instruction >> 8 & 7, value)
    return found


def loads_of(kernel: Path) -> dict[int, tuple[int, int]]:
    """The register and the number of each stop whose instruction does no more than load one from behind the code."""
    return _loads(kernel, kernel.stat().st_mtime_ns)


def stops_of(kernel: Path) -> dict[int, Where]:
    """The addresses where a kernel comes by."""
    return _stops(kernel, kernel.stat().st_mtime_ns)


def _words(digits: str) -> list[int]:
    data = bytes.fromhex(digits)
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


class Lockstep:
    """The board behind a connection to QEMU's gdb stub. QEMU is to be started with `-S`."""

    def __init__(self, stub: socket.socket, kernel: Path) -> None:
        self._stub = stub
        self._buffer = b""
        self._stops = dict(stops_of(kernel))
        self._loads = loads_of(kernel)
        self._pc = 0
        self._before = 0  # cycles of the board's time until the last reset
        self._period = 0
        self.where: Where = "elsewhere"
        self.cycles = 0
        self.until_alarm: int | None = None
        """Cycles until the alarm; None if there is none."""
        self.takes_input = False
        """Whether the UART takes a character now."""
        self._ask("?")
        self._ask("qXfer:features:read:target.xml:0,1000")  # or QEMU does not know single registers
        questions = ["Qqemu.sstep=1", "Qqemu.PhyMemMode:1", *(f"Z0,{at:x},2" for at in self._stops)]
        if any(answer != "OK" for answer in self._ask(*questions)):
            raise StubError("QEMU's gdb stub does not do what is needed: is it older than 7.0?")
        self._look()

    # The board's time

    def _look(self) -> None:
        """Read what changes from stop to stop."""
        clocks, pc, alarm, raised, uart = self._ask(
            f"m{_FPGAIO_CLOCKS:x},8", f"p{_PC:x}", f"m{_ALARM + 4:x},8", f"m{_ALARM + 16:x},4", f"m{_UART + 4:x},8"
        )
        hundredths, counter = _words(clocks)
        about = hundredths * (HZ // 100)
        self.cycles = self._before + about + (counter - about + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        [self._pc] = _words(pc)
        self.where = self._stops.get(self._pc, "elsewhere")
        value, control = _words(alarm)
        over = control & _ALARM_ONE_SHOT and value == 0 and _words(raised) == [0]  # it has come, and comes no more
        self.until_alarm = (value + 1) << (control >> 2 & 3) * 4 if control & _ALARM_ENABLE and not over else None
        state, control = _words(uart)
        self.takes_input = bool(control & _UART_RX_ENABLE) and not state & _UART_RX_FULL

    def was_reset(self) -> None:
        """The board has been reset, and its counters with it."""
        self._before = self.cycles
        self._period = 0
        self._look()

    def _every(self, cycles: int) -> list[str]:
        """The unused timer ends after this many cycles, again and again."""
        if cycles == self._period:
            return []
        self._period = cycles
        count = (cycles - 1).to_bytes(4, "little").hex()
        return [f"M{_TIMER0 + 4:x},8:{count}{count}", f"M{_TIMER0:x},4:01000000"]

    # Going on

    def step(self, *, awake: bool = False, tick: int = TICK) -> None:
        """Go on to the next stop. If none comes, the host stops the board where it is.

        `awake` keeps a sleeping board from sleeping until something happens: it stops again after one `tick`, for
        which time passes.
        """
        packets = self._every(tick)
        if self.where == "sleep":
            behind = self._pc + _DSB + (_WFI if awake else 0)
            packets.append(f"P{_PC:x}={behind.to_bytes(4, 'little').hex()}")
        elif self.where == "tick" and self._pc in self._loads:
            register, value = self._loads[self._pc]
            packets.append(f"P{register:x}={value.to_bytes(4, 'little').hex()}")
            packets.append(f"P{_PC:x}={(self._pc + 2).to_bytes(4, 'little').hex()}")
        elif self.where == "tick":
            self._ask(f"z0,{self._pc:x},2", "s")
            packets.append(f"Z0,{self._pc:x},2")
        elif self.where == "end":
            packets.append(f"z0,{self._pc:x},2")
            del self._stops[self._pc]
        if packets:
            self._ask(*packets)
        self._send("c")
        if self._receive(PATIENCE if "sleep" in self._stops.values() else HURRY) is None:
            self._stub.sendall(b"\x03")
            self._receive()
        self._look()

    # The protocol: GDB manual, appendix E

    def _ask(self, *packets: str) -> list[str]:
        self._send(*packets)
        return [self._receive() or "" for _ in packets]

    def _send(self, *packets: str) -> None:
        try:
            self._stub.sendall("".join(f"${one}#{sum(one.encode()) % 256:02x}" for one in packets).encode())
        except OSError:
            raise StubError("QEMU has ended.") from None

    def _receive(self, seconds: float = SILENCE) -> str | None:
        """The next packet; None if there is none for so many seconds, unless that is the longest silence."""
        while True:
            begin, end = self._buffer.find(b"$"), self._buffer.find(b"#")
            if 0 <= begin < end <= len(self._buffer) - 3:
                answer = self._buffer[begin + 1 : end]
                self._buffer = self._buffer[end + 3 :]
                return answer.decode("latin-1")
            readable, _, _ = select.select([self._stub], [], [], seconds)
            if not readable and seconds < SILENCE:
                return None
            try:
                data = self._stub.recv(65536) if readable else b""
            except OSError:
                data = b""
            if not data:
                raise StubError("QEMU has ended." if readable else "QEMU's gdb stub does not answer.")
            self._buffer += data
