"""Time, stack or memory of one capsule run out, at each single point of its calls into what capsules share.

The guilty one (exhausted/guilty.py) uses all that QEMU's board shares among capsules: each function that is wrapped by
kernel.shared, found in the sources. Beside it the witness goes through all drivers, round after round. The finished
kernel runs on Unicorn (tests/cortex.py), stops at each instruction of machine code, and where C can raise, that is on
the guilty one's account; there its time is over, or the memory, or its call begins with that much less of a stack. Then
all must be as if nothing had been: the witness's rounds go on, nothing is refused, nobody else has failed.
"""

import ast
import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cortex import LR, PC, R0, SP, SYSTICK, TRAMPOLINE, Board, Stuck
from fuzzing import record
from kernels import build_board, write

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.symbols import Symbols

HERE = Path(__file__).parent / "exhausted"
APPS = ("witness",)
ROUNDS = 2  # of the witness, that have to be over after each point
WORKERS = 2
SAMPLE = 37  # each so-manieth point in `make test`, besides the first and the last of each function
BEGIN = 3  # the round after which the guilty one's next turn is looked at
STEP = 8  # bytes of stack
STACK, PYSTACK = 6144 - 1552, 1536  # bytes, of which so many are taken away; the margin (port/mpconfigport.h) stays

TICKS = 14  # kernel/contain.c: where a capsule's ticks are; 20 bytes each
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

ELSEWHERE = {
    "Clock": "the nRF52840's; tests/host/capsules/test_cut_short_in_core.py",
    "Gpiote": "the nRF52840's; tests/host/capsules/test_nrf52_chip.py",
    "LastWords": "not tried here yet: what processes said last, for the console's tools",
    "PwmMux": "not on this board: it keeps nothing, and a call of it is one of its driver's",
}
WHILE_WIRED = {
    "AlarmMux._set_client", "AlarmMux._set_process_client", "AppStore._new_client", "ConsoleSessions._set_client",
    "SimulatedPins._set_client", "Transfers.set_client", "UartMux._set_client",
}  # fmt: skip
OF_ONE = {
    "AlarmMux._set": "the alarm driver's alone",
    "ConsoleSessions._claim": "the console's alone",
    "AppStore._end_process": "it ends a program",
    "AppStore._run": "it begins one",
}

GATES = ("__wrap_mp_cstack_check", "heap_alloc", "heap_realloc")
"""C from where an exception of exhaustion comes."""


OPENED = """
from cells import Buffer
from capsules.virtual.console_sessions import ConsoleSessions
from capsules.virtual.virtual_uart import UartMux


def opened_line(uart, alarm, patience, made):
    made.append(UartMux(uart, Buffer(64), patience))
    return ConsoleSessions(made[0], alarm, Buffer(64))
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
            'line = mint.build("line", lambda: opened_line(uart, alarms.new_alarm(), alarms.new_alarm(), made))\n'
            "mux = made[0]\n"
            'mint.build("log", lambda: KernelLogWriter(kernel_log, mux.new_device(True), log_line, Buffer(64)))\n',
        ),
    ):
        assert old in text, old
        text = text.replace(old, new)
    write(folder / "board.py", text + "\n" + (HERE / "wiring.txt").read_text())
    write(folder / "board/components/opened.py", OPENED)
    write(folder / "memory.toml", (ROOT / "boards/qemu/memory.toml").read_text())
    options = "CONFIG_I2C_BUS=y\nCONFIG_SPI_BUS=y\n"  # as on QEMU's own board
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
        self.at = self._begins
        board.run(lambda: False)
        assert board.machine.reg_read(PC) & ~1 == self.first
        self.owner = self.byte("contain_running")
        self.start = board.save()
        self.round = int(re.findall(rb"round (\d+),", board.output)[-1])
        self.shown = len(board.output)
        self.known: dict[bytes, Outcome] = {}

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

    def walk(self) -> Iterator[int]:
        """From the turn's beginning to the witness's next round: stops at each point, and says where that is."""
        board = self.board
        found: list[int] = []

        def at(address: int) -> None:
            if not found and self.account() == self.owner and not in_block(board, address):
                found.append(address)
                board.stop()

        def passes(address: int) -> None:  # the instruction at which it has stopped
            self.at = at

        board.restore(self.start)
        self.at = at
        while True:
            board.run(lambda: self.rounds(board) > self.round)
            if not found:
                self.at = None
                return
            now = board.save()
            yield found[0]
            board.restore(now)
            found.clear()
            self.at = passes

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

    def settle(self, what: str, n: int, place: str) -> Outcome:
        """Let the board go on until the witness has had its rounds; what became of it."""
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
        elif set(failures) - {"guilty"}:
            dead = f"{set(failures) - {'guilty'}} failed"
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


def sweep(kernel: Path, flash: bytes, worker: int, step: int, bare: bool = False) -> tuple[list[str], list[Outcome]]:
    """One worker's share of the points; `step`: 1, or so many are left out, but never a function's first and last."""
    scene = Scene(kernel, flash)
    if bare:
        scene.take_wrappers_off()
    board = scene.board
    places = [scene.where(address) for address in scene.walk()]
    chosen = {places.index(place) for place in places} | {len(places) - 1 - places[::-1].index(p) for p in set(places)}
    chosen |= set(range(0, len(places), step))
    outcomes = []
    for n, address in enumerate(scene.walk()):
        if n in chosen and n % WORKERS == worker:
            now = board.save()
            scene.time_is_over()
            outcomes.append(scene.settle("time", n, places[n]))
            if scene.gates.get(address, "").startswith("heap"):
                board.restore(now)
                scene.memory_is_out()
                outcomes.append(scene.settle("memory", n, places[n]))
    sizes = [(taken, 0) for taken in range(0, STACK, STEP)] + [(0, taken) for taken in range(STEP, PYSTACK, STEP)]
    for n, (stack, frames) in enumerate(sizes[::step]):
        if n % WORKERS == worker:
            board.restore(scene.start)
            scene.stack_is_used(stack, frames)
            outcomes.append(scene.settle("stack" if frames == 0 else "frames", stack + frames, "Guilty.use_all"))
    return places, outcomes


@pytest.fixture(scope="session")
def exhausted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The kernel with the guilty one, and the flash with the apps."""
    image = FlashImage(tmp_path_factory.mktemp("exhausted") / "flash.img")
    image.install([read_app_file(ROOT / "build" / "apps" / f"{app}.tbf") for app in APPS], only=True)
    return build_board("exhausted", write_board), image.path.read_bytes()[:0x100000]


@pytest.mark.timeout(7200)
def test_whatever_one_capsule_exhausts_and_wherever_all_others_go_on(exhausted: tuple[Path, bytes], long: bool) -> None:
    with ProcessPoolExecutor(WORKERS) as pool:
        shares = [pool.submit(sweep, *exhausted, worker, 1 if long else SAMPLE) for worker in range(WORKERS)]
        results = [share.result() for share in shares]
    outcomes = [outcome for _, share in results for outcome in share]
    dead = [outcome for outcome in outcomes if outcome.dead]
    if long:
        record("injector", injector_points=len(outcomes), dead_witnesses=len(dead))
    assert not dead, "\n".join(f"{o.point.what} {o.point.n} in {o.place}: {o.dead}" for o in dead[:40])
    # Not in vain: most time-outs end the guilty one's call, and so does a stack that is too small.
    for what in ("time", "stack", "frames"):
        assert any(outcome.failures for outcome in outcomes if outcome.point.what == what), what


def called(scene: Scene) -> set[str]:
    """The functions behind the wrappers that the guilty one calls in its turn, as the build names them."""
    names = {symbol.address & ~1: symbol.name for symbol in scene.symbols if symbol.name.startswith("fun_data_")}
    board, found = scene.board, set()

    def calls(*_: object) -> None:
        if scene.account() == scene.owner:
            method = board.word(board.machine.reg_read(R0) + 4)  # kernel/contain.c, shared_t; then py/objboundmeth.c
            function = board.word(method + 4)
            found.add(names[board.word(function + 12) & ~1])  # py/objfun.h, mp_obj_fun_bc_t

    board.hook(calls, scene.symbols["shared_call"].address & ~1)
    board.machine.ctl_flush_tb()  # what has been translated has no such hook
    for _ in scene.walk():
        pass
    return found


def test_the_guilty_one_uses_each_function_that_any_capsule_shares(exhausted: tuple[Path, bytes]) -> None:
    found = called(Scene(*exhausted))
    wanted = {name for name in shared_functions() - WHILE_WIRED - set(OF_ONE) if name.split(".")[0] not in ELSEWHERE}
    assert len(wanted) > 30
    missing = {name for name in wanted if not any(one.endswith(f"_{name.replace('.', '_')}") for one in found)}
    assert not missing, "exhausted/guilty.py does not use these"


def test_without_the_wrappers_the_same_search_finds_dead_witnesses(exhausted: tuple[Path, bytes]) -> None:
    """What the search is worth: the code that is shared, called as if it were the guilty one's own."""
    with ProcessPoolExecutor(WORKERS) as pool:
        shares = [pool.submit(sweep, *exhausted, worker, 4 * SAMPLE, True) for worker in range(WORKERS)]
        outcomes = [outcome for share in shares for outcome in share.result()[1]]
    assert len({outcome.place for outcome in outcomes if outcome.dead and outcome.point.what == "time"}) > 1
