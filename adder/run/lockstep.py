"""QEMU in step with its host: the clock "fast" of `adder.run.simulate`.

The board runs only while the host waits for it, and stops where its kernel comes by again and again: before it sleeps
(`ldr; dsb; wfi`) and at the end of a time slice (SysTick). There the host looks at what has been printed, types the
next character, or is done; until it goes on, the board's time stands still. So nothing depends on how quick either is.

The stops are set through QEMU's gdb stub. Both begin with the load of a word that nobody else reads, so that is what
QEMU watches for: after a breakpoint it forgets all that it has translated, which takes longer than most of what it does
between two stops. (Kernels that have no such load have breakpoints.) Two more things are not obvious:
- With `-icount sleep=off`, QEMU takes a CPU that a breakpoint has stopped for one that sleeps, and lets time pass until
  the next timer's end. A timer that the board does not use ends every `TICK` and so limits that.
- A stop comes before its instruction, and comes again when QEMU goes on from there. Before sleep the host goes on at
  `wfi`, or behind that as well, since `wfi` may always end for no reason. What the first instruction of SysTick's
  handler does, the host does in its place; only what it does not know is stepped over.
"""

import re
import select
import socket
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

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

_DSB_WFI = b"\xbf\xf3\x4f\x8f\x30\xbf"  # dsb sy; wfi
_MARK = b"\x00\x4b"  # ldr r3, [pc, #0]: firmware/kernel/schedule.c
_END = b"\x30\xbf\xfd\xe7"  # wfi; b .-2: a kernel that has ended for good
_DSB, _WFI, _LOAD = 4, 2, 2  # bytes
_LDR_LITERAL = 0b01001  # ARMv7-M, A7.7.43, T1: these five bits, three of the register, eight of the offset in words

_PC = 15

PATIENCE, HURRY = 1.0, 0.02
"""Seconds of the host until a board that comes by nowhere is stopped where it is; the second if it never sleeps."""

SILENCE = 60.0
"""Seconds of the host until QEMU is believed to be dead."""

Where = Literal["sleep", "tick", "end", "elsewhere"]


class StubError(AdderError):
    """QEMU's gdb stub has gone."""


class Load(NamedTuple):
    """What an instruction does that loads a word from behind the code."""

    register: int
    address: int
    value: int


@lru_cache
def _stops(kernel: Path, _changed: int) -> dict[int, Where]:
    found: dict[int, Where] = {}
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            for match in re.finditer(b"(?:%b)?%b" % (re.escape(_MARK), re.escape(_DSB_WFI)), data):
                found[start + match.start()] = "sleep"
            for match in re.finditer(re.escape(_END), data):
                found[start + match.start()] = "end"
            if start == 0 and len(data) >= 64:
                found[int.from_bytes(data[60:64], "little") & ~1] = "tick"  # ARMv7-M, B1.5.3: the vector of SysTick
    return found


@lru_cache
def _loads(kernel: Path, _changed: int) -> dict[int, Load]:
    found: dict[int, Load] = {}
    with kernel.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            start, data = segment["p_vaddr"], segment.data()
            for at in stops_of(kernel):
                if start <= at < start + len(data) - 1:
                    instruction = int.from_bytes(data[at - start : at - start + 2], "little")
                    literal = (at + 4 & ~3) + 4 * (instruction & 0xFF)
                    if instruction >> 11 == _LDR_LITERAL and literal + 4 <= start + len(data):
                        value = int.from_bytes(data[literal - start : literal - start + 4], "little")
                        found[at] = Load(instruction >> 8 & 7, literal, value)
    return found


def loads_of(kernel: Path) -> dict[int, Load]:
    """The stops whose instruction does no more than load a word from behind the code."""
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
        self._read: str | None = None  # what QEMU watches for, and somebody else has read
        self.where: Where = "elsewhere"
        self.cycles = 0
        self.until_alarm: int | None = None
        """Cycles until the alarm; None if there is none."""
        self.takes_input = False
        """Whether the UART takes a character now."""
        self._ask("?")
        self._ask("qXfer:features:read:target.xml:0,1000")  # or QEMU does not know single registers
        questions = ["Qqemu.sstep=1", "Qqemu.PhyMemMode:1", *(f"Z{self._stop(at)}" for at in self._stops)]
        if any(answer != "OK" for answer in self._ask(*questions)):
            raise StubError("QEMU's gdb stub does not do what is needed: is it older than 7.0?")
        self._look()

    def _stop(self, at: int) -> str:
        """How QEMU is to stop there: when a word is read, or at the instruction. (`Z` begins it, `z` ends it.)"""
        return f"3,{self._loads[at].address:x},4" if at in self._loads else f"0,{at:x},2"

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
        load = self._loads.get(self._pc)
        if self.where == "sleep":
            behind = self._pc + (_LOAD if load else 0) + _DSB + (_WFI if awake else 0)
            packets.append(f"P{_PC:x}={behind.to_bytes(4, 'little').hex()}")
        elif self.where == "tick" and load is not None:
            packets.append(f"P{load.register:x}={load.value.to_bytes(4, 'little').hex()}")
            packets.append(f"P{_PC:x}={(self._pc + _LOAD).to_bytes(4, 'little').hex()}")
        elif self.where == "tick":
            self._ask(f"z{self._stop(self._pc)}", "s")
            packets.append(f"Z{self._stop(self._pc)}")
        elif self._read is not None:
            self._ask(f"z{self._read}", "s")
            packets.append(f"Z{self._read}")
        elif self.where == "end":
            packets.append(f"z0,{self._pc:x},2")
            del self._stops[self._pc]
        if packets:
            self._ask(*packets)
        self._send("c")
        why = self._receive(PATIENCE if "sleep" in self._stops.values() else HURRY)
        if why is None:
            self._stub.sendall(b"\x03")
            why = self._receive()
        self._look()
        read = re.search("rwatch:([0-9a-f]+)", why or "")
        self._read = f"3,{int(read[1], 16):x},4" if read and self.where == "elsewhere" else None

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
