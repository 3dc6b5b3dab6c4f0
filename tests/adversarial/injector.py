"""Lets time, stack or memory of a capsule run out, at any point that one wants; test_exhaustion.py says what must hold.

The finished kernel runs on Unicorn (tests/cortex.py), and stops at instructions of machine code, and where C can raise.
"""

import ast
import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cortex import LR, PC, R0, SP, SYSTICK, TRAMPOLINE, Board, Stuck
from kernels import write

from adder.board import ROOT
from adder.symbols import Symbols

HERE = Path(__file__).parent / "exhausted"
ROUNDS = 2  # of the witness, that have to be over after each point
WORKERS = 2
BEGIN = 3  # the round after which the guilty one's next turn is looked at
STEP = 8  # bytes of stack
SIZES = 37  # each so-manieth of those at least
STACK, PYSTACK = 6144 - 1552, 1536  # bytes, of which so many are taken away; the margin (port/mpconfigport.h) stays

NAME, TICKS = 12, 14  # kernel/contain.c: where a capsule's name and ticks are; 20 bytes each
CAPSULE = 20
BUDGET = 11  # CAPSULE_BUDGET_MS in ticks, and one
PYSTACK_CUR = 16  # py/mpstate.h: in the thread's state
SOON = 40  # instructions from a tick that comes soon to the next


def shared_functions() -> set[str]:
    """`Class._function` of each that a capsule has wrapped; of a part of it, as `Transfers.set_client`, that part's."""
    found = set()
    for path in sorted((ROOT / "capsules").rglob("*.py")):
        for made in ast.walk(ast.parse(path.read_text())):
            if not isinstance(made, ast.ClassDef):
                continue
            for node in ast.walk(made):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "shared":
                    [method, *_] = node.args
                    assert isinstance(method, ast.Attribute), path
                    part = isinstance(method.value, ast.Attribute)
                    found.add(f"{'Transfers' if part else made.name}.{method.attr}")
    return found


SHARED_CLASSES = {name.partition(".")[0] for name in shared_functions()} | {
    "CmsdkUart", "DualTimerAlarm", "Turns", "Transfers", "Steps", "Pl022", "SbconI2c", "OnChipFlash",
}  # fmt: skip
"""Shared code, and what it consists of or drives."""

SHARED = rf"({'|'.join(sorted(SHARED_CLASSES))})\.\w+"
"""Functions of shared code in a traceback: a call that is refused has none, for it has not begun."""

SERVERS = {"uart", "line", "timer", "alarms", "pins", "i2c_bus", "spi_bus", "pulses", "app_store", "app_flash"}
"""The capsules that others share, and their hardware's drivers."""

GATES = ("__wrap_mp_cstack_check", "heap_alloc", "heap_realloc")
"""C from where an exception of exhaustion comes."""


OPENED = """
from cells import Buffer
from capsules.virtual.console_sessions import ConsoleSessions
from capsules.virtual.last_words import LastWords
from capsules.virtual.virtual_uart import UartMux


def opened_line(uart, alarm, patience, slots, made):
    made.append(UartMux(uart, Buffer(64), patience))
    return ConsoleSessions(made[0], alarm, Buffer(64), LastWords(Buffer(int(slots) * 64), slots))
"""
"""The sessions and their multiplexer, which are one capsule; the log and the guilty one get devices of it."""


def write_board(folder: Path) -> None:
    """QEMU's board with the guilty capsule, and the console's stack opened up: a device of the UART for it."""
    text = (ROOT / "boards" / "qemu" / "board.py").read_text()
    for old, new in (
        (
            "from components.console import console_line, console_stack\n",
            "from capsules.core.kernel_log import KernelLogWriter\n"
            "from capsules.hostile import guilty\n"
            "from components.console import console_stack\n"
            "from components.opened import opened_line\n",
        ),
        (
            "line = mint.build(\n"
            '    "line", lambda: console_line('
            "uart, alarms.new_alarm(), kernel_log, log_line, alarms.new_alarm(), processes.SLOTS)\n"
            ")\n",
            "made = []\n"
            'line = mint.build("line", lambda: opened_line('
            "uart, alarms.new_alarm(), alarms.new_alarm(), processes.SLOTS, made))\n"
            "mux = made[0]\n"
            'mint.build("log", lambda: KernelLogWriter(kernel_log, mux.new_device(True), log_line, Buffer(64)))\n',
        ),
    ):
        assert old in text, old
        text = text.replace(old, new)
    write(folder / "board.py", text + "\n" + (HERE / "wiring.txt").read_text())
    write(folder / "board/components/opened.py", OPENED)
    write(folder / "memory.toml", (ROOT / "boards/qemu/memory.toml").read_text())
    on = ("I2C_BUS", "SPI_BUS", "CAPSULE_PWM", "CAPSULE_DEPLOY")  # as on QEMU's own board
    options = "".join(f"CONFIG_{name}=y\n" for name in on)
    write(folder / "defconfig", (ROOT / "boards/qemu/defconfig").read_text() + options)
    write(folder / "mpy-cross.cfg", "[emit]\n[words]\n")
    write(folder / "capsules/hostile/guilty.py", (HERE / "guilty.py").read_text())


@dataclass(frozen=True)
class Point:
    """Where something runs out: at the n-th instruction, with the n-th allocation, n bytes earlier."""

    what: str
    n: int


@dataclass
class Outcome:
    """What became of the others."""

    point: Point
    dead: str
    failures: tuple[str, ...]
    place: str


class Scene:
    """The board at the moment at which the guilty one's turn begins."""

    def __init__(self, kernel: Path, flash: bytes) -> None:
        self.symbols = Symbols.read(kernel)
        self.board = board = Board(kernel, flash)
        self.after = Board(kernel, flash)  # without hooks, and so quicker
        self.code = (self.symbols["_frozen_code_start"].address & ~1, self.symbols["_frozen_code_end"].address & ~1)
        self.gates = {self.symbols[name].address & ~1: name for name in GATES}
        [entry] = [s for s in self.symbols if s.name.startswith("fun_data") and s.name.endswith("Guilty_use_all")]
        self.first = entry.address & ~1
        if bytes(board.machine.mem_read(self.first + 1, 1)) != b"\xb5":
            self.first += 4  # the native emitter puts an offset first
        self.at: Callable[[int], None] | None = None
        self.cut_short = False  # the stack has ended while somebody paid for shared code
        for begin, end in ((self.code[0], self.code[1] - 1), *((gate, gate) for gate in self.gates)):
            board.hook(self._instruction, begin, end)
        board.hook(self._raises, self.symbols["contain_note_raise"].address & ~1)
        board.run(lambda: b"round %d," % BEGIN in board.output)
        self.servers = self.numbers_of(SERVERS)
        self.at = self._begins
        board.run(lambda: False)
        assert board.machine.reg_read(PC) & ~1 == self.first
        self.owner = self.byte("contain_running")
        self.start = board.save()
        self.round = int(re.findall(rb"round (\d+),", board.output)[-1])
        self.shown = len(board.output)
        self.known: dict[bytes, Outcome] = {}
        self.in_blocks: dict[int, bool] = {}

    def numbers_of(self, names: set[str]) -> set[int]:
        """Which capsules have these names."""
        found = {}
        board = self.after
        board.run(lambda: b"round 1," in board.output)
        capsules, count = self.symbols["capsules"].address, self.symbols["capsule_count"].address
        for number in range(1, (board.word(count) & 0xFF) + 1):
            name = board.word(capsules + CAPSULE * number + NAME) & 0xFFFF
            found[board.call(self.symbols["qstr_str"].address, name)] = number
        assert names <= set(found), names - set(found)
        return {found[name] for name in names}

    def _instruction(self, machine: object, address: int, size: int, data: object) -> None:
        if self.at is not None:
            self.at(address)

    def _begins(self, address: int) -> None:
        if address == self.first:
            self.at = None
            self.board.stop()

    def _raises(self, machine: object, address: int, size: int, data: object) -> None:
        exception = self.board.machine.reg_read(R0)
        if self.byte("payer") and self.board.word(exception) == self.symbols["mp_type_RuntimeError"].address:
            self.cut_short = True

    def byte(self, name: str) -> int:
        return int(self.board.machine.mem_read(self.symbols[name].address, 1)[0])

    def write(self, address: int, data: bytes) -> None:
        self.board.machine.mem_write(address, data)

    def account(self) -> int:
        """Whose pays; 0 is the kernel's."""
        running = self.byte("contain_running")
        return running and (self.byte("payer") or running)

    def is_point(self, address: int) -> bool:
        """Whether something may run out there: on the guilty one's account."""
        return self.account() == self.owner and not self.in_block(address)

    def is_own_point(self, address: int) -> bool:
        """The same, on the account of shared code that nobody has called but the kernel."""
        account = self.account()
        if account not in self.servers or account != self.byte("contain_running"):
            return False
        return not self.in_block(address)

    def points(self, own: bool = False) -> list[int]:
        """Where all points are, from the turn's beginning to the witness's next round."""
        found: list[int] = []
        is_point = self.is_own_point if own else self.is_point

        def at(address: int) -> None:
            if is_point(address):
                found.append(address)

        self.board.restore(self.start)
        self.at = at
        self.board.run(lambda: self.rounds(self.board) > self.round)
        self.at = None
        return found

    def walk(self, chosen: set[int], own: bool = False) -> Iterator[tuple[int, int]]:
        """The same way, but it stops at points with these numbers: which one, and where that is."""
        board = self.board
        count = -1
        stopped = False
        is_point = self.is_own_point if own else self.is_point

        def at(address: int) -> None:
            nonlocal count, stopped
            if not stopped and is_point(address):
                count += 1
                if count in chosen:
                    stopped = True
                    board.stop()

        def passes(address: int) -> None:  # the instruction at which it has stopped
            self.at = at

        board.restore(self.start)
        self.at = at
        last = max(chosen, default=-1)
        while count < last:
            board.run(lambda: self.rounds(board) > self.round)
            assert stopped, "it has not come by this time"
            now = board.save()
            yield count, board.machine.reg_read(PC) & ~1
            board.restore(now)
            stopped = False
            self.at = passes
        self.at = None

    def in_block(self, address: int) -> bool:
        """Whether the instruction is in an IT block: a stop forgets that, and a time-out is as at its beginning."""
        if address not in self.in_blocks:
            self.in_blocks[address] = in_block(self.board, address)
        return self.in_blocks[address]

    def rounds(self, board: Board) -> int:
        return int((re.findall(rb"round (\d+),", board.output[self.shown :]) or [self.round])[-1])

    def go_on(self) -> None:
        """Until all sleep; a tick that was asked for soon comes soon."""
        board = self.board
        passed = 0

        def at(address: int) -> None:
            nonlocal passed
            passed = passed + 1 if board.devices.soon else 0
            if passed > SOON:
                passed = 0
                board.devices.soon = False
                board.stop()

        self.at = at
        while True:
            asleep = False

            def sleeps() -> bool:
                nonlocal asleep
                asleep = True
                return True

            board.run(sleeps)
            if asleep:
                break
            board.enter(SYSTICK)
        self.at = None

    def settle(self, what: str, n: int, place: str, own: bool = False) -> Outcome:
        """Let the board go on until the witness has had its rounds; what became of it. `own`: one capsule may fail."""
        dead, board, state = "", self.after, b""
        self.cut_short = False
        try:
            self.go_on()
            state = self.state()
            if state in self.known and not self.cut_short:
                return replace(self.known[state], point=Point(what, n), place=place)
            board.take_over(self.board)
            board.devices.typed += b"y"
            board.run(lambda: self.rounds(board) >= self.round + ROUNDS)
        except Stuck as stuck:
            dead = str(stuck)
        said = board.output[self.shown :].decode("latin-1").replace("\r", "")
        failures = tuple(re.findall(r"kernel: capsule (\w+) failed", said))
        if dead or self.rounds(board) < self.round + ROUNDS:
            dead = dead or "the witness's rounds have ended"
        elif re.search(r"WRONG|panicked|gave \d+|refused [1-9]|capsule (?!guilty)\w+ is off", said):
            dead = "the witness was refused something"
        elif len(re.findall(r"alert code", said)) < ROUNDS:
            dead = "the kernel's log is silent"
        elif what in ("stack", "frames") and self.cut_short:
            dead = "the stack has ended within shared code"
        elif what in ("stack", "frames") and re.search(rf"in ({SHARED})\b", said):
            dead = "a refused call's traceback names shared code"
        elif len(set(failures)) > 1 if own else set(failures) - {"guilty"}:
            dead = f"{', '.join(sorted(set(failures)))} failed"
        elif "typed 1," not in said:
            dead = "typing has no effect"
        outcome = Outcome(Point(what, n), dead, failures, place)
        if state:
            self.known[state] = outcome
        return outcome

    def state(self) -> bytes:
        """All that has a say in what comes next: equal states have equal futures. Not what lies below the stack, nor
        where the last exception came from, which has been printed.
        """
        board = self.board
        found = hashlib.sha256(repr(board.devices).encode() + bytes(board.output[self.shown :]))
        sp, trace = board.machine.reg_read(SP), self.symbols["trace"]
        for base, size in board.writable():
            memory = board.machine.mem_read(base, size)
            if base <= sp < base + size:
                limit = self.symbols["_stack_limit"].address
                memory[limit - base : sp - base] = bytes(sp - limit)
                memory[trace.address - base : trace.address - base + trace.size] = bytes(trace.size)
            found.update(memory)
        return found.digest()

    def where(self, address: int) -> str:
        return self.symbols.at(address) or hex(address)

    def take_wrappers_off(self) -> None:
        """Have the guilty one call what is shared as if it were its own: kernel/contain.c, shared_t."""
        wrapper = struct.pack("<I", self.symbols["shared_type"].address)
        self.board.restore(self.start)
        start, end = self.symbols["_wired"].address, self.symbols["_wired_end"].address
        data = bytes(self.board.machine.mem_read(start, end - start))
        for at in range(0, len(data), 4):
            if data[at : at + 4] == wrapper:
                self.write(start + at + 8, bytes([self.owner]))
        self.start = self.board.save()

    # -- What runs out ------------------------------------------------------------------------

    def time_is_over(self) -> None:
        """The tick comes, and finds that this was the account's last."""
        self.write(self.symbols["contain_round"].address, b"\x01")
        self.write(self.symbols["capsules"].address + CAPSULE * self.account() + TICKS, struct.pack("<H", BUDGET))
        self.board.enter(SYSTICK)

    def memory_is_out(self) -> None:
        """This allocation fails."""
        self.write(self.symbols["heap_fails_after"].address, bytes(4))

    def stack_is_used(self, stack: int, frames: int) -> None:
        """The turn begins with so much taken already, until it returns."""
        machine = self.board.machine
        link, sp = machine.reg_read(LR), machine.reg_read(SP)
        current = self.symbols["kernel_python_state"].address + PYSTACK_CUR

        def returns() -> int:
            machine.reg_write(SP, machine.reg_read(SP) + stack)
            self.write(current, struct.pack("<I", self.board.word(current) - frames))
            return int(link)

        machine.mem_write(sp - stack, bytes(stack))  # nobody's frames
        machine.reg_write(SP, sp - stack)
        self.write(current, struct.pack("<I", self.board.word(current) + frames))
        machine.reg_write(LR, TRAMPOLINE | 1)
        self.board.returns = returns


def in_block(board: Board, address: int) -> bool:
    """Whether the instruction is in an IT block: a stop would forget that, and a time-out is as at its beginning."""
    halfwords = struct.unpack("<4H", board.machine.mem_read(address - 8, 8))
    for back, halfword in enumerate(reversed(halfwords)):
        if halfword & 0xFF00 == 0xBF00 and halfword & 0xF:
            mask = halfword & 0xF
            return back < 4 - ((mask & -mask).bit_length() - 1)
    return False


def chosen_of(places: list[str], step: int) -> set[int]:
    """Each so-manieth point, and the first and the last of each function."""
    backwards = places[::-1]
    ends = {place: (places.index(place), len(places) - 1 - backwards.index(place)) for place in set(places)}
    return {n for both in ends.values() for n in both} | set(range(0, len(places), step))


def sweep(
    kernel: Path, flash: bytes, worker: int, step: int, bare: bool = False, own: bool = False
) -> tuple[list[str], list[Outcome]]:
    """One worker's share of the points; `step`: 1, or so many are left out, but never a function's first and last.

    With `own`, what runs out is that of shared code, in its interrupts and deferred calls, where the stack is empty.
    """
    scene = Scene(kernel, flash)
    if bare:
        scene.take_wrappers_off()
    board = scene.board
    places = [scene.where(address) for address in scene.points(own)]
    chosen = {n for n in chosen_of(places, step) if n % WORKERS == worker}
    outcomes = []
    for n, address in scene.walk(chosen, own):
        now = board.save()
        scene.time_is_over()
        outcomes.append(scene.settle("time", n, places[n], own))
        if scene.gates.get(address, "").startswith("heap"):
            board.restore(now)
            scene.memory_is_out()
            outcomes.append(scene.settle("memory", n, places[n], own))
    if own:
        return places, outcomes
    sizes = [(taken, 0) for taken in range(0, STACK, STEP)] + [(0, taken) for taken in range(STEP, PYSTACK, STEP)]
    for n, (stack, frames) in enumerate(sizes[:: min(step, SIZES)]):
        if n % WORKERS == worker:
            board.restore(scene.start)
            scene.stack_is_used(stack, frames)
            outcomes.append(scene.settle("stack" if frames == 0 else "frames", stack + frames, "Guilty.use_all"))
    return places, outcomes
