"""Malicious capsules that the verifier lets pass are contained at run time: each in a boot of its own.

The files in hostile/contained/, in a folder for what they go for (time, memory, the stack, the hardware, others; or
they fail on purpose), say in their first lines what the console must show (`# contained: REGEX`, or - for nothing), and
what else is special: `# never:` what it must not show, `# policy:` RESTART or DISABLE, `# emit:` bytecode, `# words:`
functions of machine words, `# boots:` how often the board is wired. Their docstring says what they try. `attack` is the
capsule's method for commands; it returns SUCCESS only if the attack got what it wanted.
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_kernel import ATTACKS, HERE, choose, header, wire, write_board
from kernels import build_board

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.apps.python_app import build
from adder.board import ROOT
from adder.errors import AdderError
from adder.run.simulate import Simulation
from adder.verify import verify_text

SHARE = 46  # attacks in a kernel: the board imports them all before it makes one
WITNESSED = {"witness: turn": 4, "hello: hello, ": 2}
"""So many lines of each witness must come after the attack; one comes four times in a second, the other once."""

ASK = """
import syscall
import time
ERRORS = ("", "FAIL", "BUSY", "ALREADY", "OFF", "RESERVE", "INVAL", "SIZE", "CANCEL", "NOMEM", "NOSUPPORT",
    "NODEVICE", "UNINSTALLED", "NOACK")
ATTACK = 0xBAD000
VICTIM = 0xBAD001
LED = 2
def ask(driver, number, first=0):
    try:
        answer = syscall.command(driver, number, first)
    except syscall.SyscallError as error:
        return ERRORS[error.args[0]]
    return "SUCCESS" if answer is None else answer
"""

ATTACKER = (
    ASK
    + """
ask(VICTIM, 2, 0x5EC0DE)
life = ask(VICTIM, 4)
upcalls = 0
def come(a, b, c):
    global upcalls
    upcalls += 1
own, shared = bytearray(b"own" * 8), bytearray(b"shared" * 4)
def lend(*buffers):
    for allow, buffer in zip((syscall.allow_rw, syscall.allow_ro, syscall.allow_readable), buffers):
        try:
            allow(ATTACK, 0, buffer)
        except syscall.SyscallError:
            pass
for number in range(2):
    try:
        syscall.subscribe(ATTACK, number, come)
    except syscall.SyscallError:
        pass
lend(own, b"read-only" * 2, shared)
time.sleep_ms(300)
for attempt in range(5):
    if attempt == 3:
        lend(None, None, None)
    answer = ask(ATTACK, 1, attempt)
    for _ in range(20):
        syscall.yield_no_wait()  # upcalls of the attack, which would leave no room for the console's
    print("attacker: life %d, attempt %d: %s" % (life, attempt, answer))
    print("attacker: the victim's callback:", ask(VICTIM, 5))
    time.sleep_ms(100)
print("attacker: upcalls:", upcalls)
print("attacker: own:", bytes(own))
print("attacker: secret:", hex(ask(VICTIM, 3)))
print("attacker: null commands:", ask(VICTIM, 0), ask(0, 0), ask(LED, 0), ask(VICTIM, 4) - life > 0)
print("attacker: victim:", ask(VICTIM, 1))
print("attacker: done")
"""
)

WITNESS = (
    ASK
    + """
turn = 0
while True:
    ask(VICTIM, 2, 1000 + turn)
    began = time.ticks_ms()
    time.sleep_ms(250)
    late = time.ticks_diff(time.ticks_ms(), began) > 5000
    turn += 1
    print("witness: turn %d: %s" % (turn, "late" if late else "well" if ask(VICTIM, 3) == 999 + turn else "ROBBED"))
"""
)


MORTAL = (
    ASK
    + """
print("mortal: began")
print("mortal: kept all:", ask(ATTACK, 2))
print("mortal: victim:", ask(VICTIM, 1))
"""
)


@functools.cache
def hostile_kernel(share: int) -> Path:
    """The kernel that holds some of the attacks."""
    some = ATTACKS[share * SHARE :][:SHARE]
    return build_board(f"hostile-{share}", lambda folder: write_board(folder, some))


@pytest.fixture
def kernel(attack: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The kernel that makes this attack; of a wired one, where it is to be."""
    if "wired" in request.node.name:
        return tmp_path / "kernel.elf"
    share, number = divmod(ATTACKS.index(attack), SHARE)
    return choose(hostile_kernel(share), number, tmp_path / "kernel.elf")


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The app that attacks and the two witnesses."""
    folder = tmp_path_factory.mktemp("apps")
    return [write_hello(folder), *(write_app(folder, *app) for app in (("witness", WITNESS), ("attacker", ATTACKER)))]


def write_hello(folder: Path) -> Path:
    """The witness in C."""
    hello = (ROOT / "build" / "apps" / "hello.elf").read_bytes()
    path = folder / "hello.tbf"
    path.write_bytes(elf_to_tbf(hello, Options(name="hello", argument="1000")).encode())
    return path


def write_app(folder: Path, name: str, text: str) -> Path:
    """An app in Python."""
    source = folder / f"{name}.py"
    source.write_text(f'# /// script\n# [tool.adder]\n# name = "{name}"\n# ram = 14336\n# ///\n{text}')
    path = folder / f"{name}.tbf"
    path.write_bytes(build(source).tbf.encode())
    return path


def test_every_attack_is_in_a_folder_and_has_a_name_of_its_own() -> None:
    assert not list((HERE / "contained").glob("*.py"))
    assert len({path.stem for path in ATTACKS}) == len(ATTACKS) > 180


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_the_verifier_lets_the_attack_pass(attack: Path) -> None:
    found = verify_text(attack.read_text(), attack, f"capsules.hostile.{attack.stem}")
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_the_attack_is_contained(attack: Path, simulation: Callable[..., Simulation], apps: list[Path]) -> None:
    contained(attack, simulation(*apps))


WIRED = (
    "policy_restart", "raise_long", "dma_lengths", "memory_list", "handle_chain", "recursion_then_c", "loop_native",
    "loop_by_trigger", "attributes_many", "line_enabled_when_called_back", "time_out_behind_the_start",
    "callback_kept_since_wiring",
)  # fmt: skip
"""Some for each thing that attacks go for."""

REFUSED = re.compile(
    "What cannot be made: capsule 'attack'|All attributes of what is made when the kernel is built"
    "|does not come to an end|while the board is wired|The kernel cannot be wired"
)
"""What the build says when it takes no such board: the attack is over before it has begun."""


def contained_in_a_wired_kernel(attack: Path, of: list[Path], name: str, board: Simulation) -> None:
    """The attack in a kernel with these, which was wired when it was built: with a heap as it is on a board."""
    first = next(path for path in ATTACKS if path.stem == "loop_native")  # which the build takes
    all_of_them = [first, *(path for path in of if path != first)]
    try:
        board.kernel = wire(all_of_them, all_of_them.index(attack), name, board.kernel)
    except AdderError as error:
        said = str(error)
    else:
        contained(attack, board)
        return
    assert REFUSED.search(said), said


@pytest.mark.parametrize("attack", [path for path in ATTACKS if path.stem in WIRED], ids=lambda path: path.stem)
def test_the_attack_is_contained_in_a_kernel_that_was_wired_when_it_was_built(
    attack: Path, simulation: Callable[..., Simulation], apps: list[Path]
) -> None:
    some = [path for path in ATTACKS if path.stem in WIRED]
    contained_in_a_wired_kernel(attack, some, "hostile-wired", simulation(*apps))


@pytest.mark.timeout(72000)
@pytest.mark.parametrize("attack", ATTACKS[:1], ids=["all"])
def test_each_attack_is_contained_in_a_wired_kernel(
    attack: Path, simulation: Callable[..., Simulation], apps: list[Path], long: bool
) -> None:
    if not long:
        pytest.skip("`make fuzz` runs them all; `make test` a sample, the test above")
    failed = []
    for number, path in enumerate(ATTACKS):
        share = number // SHARE
        try:
            some = ATTACKS[share * SHARE :][:SHARE]
            contained_in_a_wired_kernel(path, some, f"hostile-wired-{share}", simulation(*apps))
        except AssertionError as error:
            failed.append(f"{path.stem}: {error}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("attack", [path for path in ATTACKS if path.stem == "loop_by_alarm_below_the_budget"])
def test_who_stays_below_its_time_budget_leaves_the_apps_half_of_the_processor(
    attack: Path, simulation: Callable[..., Simulation], apps: list[Path]
) -> None:
    """Though its interrupt comes again only when the kernel has gone: they have as many slices as it has had ticks."""
    board = simulation("float", "clock-py", apps[-1])
    with board:
        board.expect("attacker: done", timeout=60)
        shown = [board.expect(r"clock 00:00:(\d\d)[^$]*?float: (\d+) rounds", timeout=60) for _ in range(4)]
    (began, before), (ended, after) = ((int(found[1]), int(found[2])) for found in (shown[0], shown[-1]))
    assert (after - before) / (ended - began) > 1000  # of some 2,750 without the attack


def contained(attack: Path, board: Simulation) -> None:
    """Whether everything goes on, and the attack gets nothing."""
    with board:
        assert board.expect(r"attacker: done|panicked|attacker\.py", timeout=15)[0] == b"attacker: done"
        done = len(board.transcript)

        def witnessed() -> bool:
            return all(board.transcript.count(line, done) >= times for line, times in WITNESSED.items())

        assert board.run_until(witnessed, 20), board.transcript[-3000:]
        shown = board.transcript
    assert "panicked" not in shown
    assert not re.search(r"[^\r\n -~]", shown), "a command to the terminal"
    assert len(re.findall("^Adder ", shown, re.MULTILINE)) == int(header(attack, "boots") or 1)
    attempts = re.findall(r"attacker: life \d+, attempt \d: (\S+)", shown)
    assert len(attempts) >= 5
    # 0 is what a result that was kept says when its time is over.
    assert all((answer.isalpha() and answer != "SUCCESS") or answer == "0" for answer in attempts), attempts
    wanted = header(attack, "contained")
    assert wanted is not None
    assert wanted == "-" or re.search(wanted, shown), wanted
    never = header(attack, "never")
    assert never is None or not re.search(never, shown), never
    blamed = set(re.findall(r"^kernel: capsule ([\w' ]+) (?:failed|is off)", shown, re.MULTILINE))
    assert blamed <= {"attack"}, "another is blamed"
    called = {f"capsules/hostile/{attack.stem}.py", "capsules/hostile/victim.py", "board.py"}
    assert outermost(shown) <= called, "a traceback begins with what was not called"
    assert "attacker: secret: 0x5ec0de" in shown
    assert "attacker: null commands: SUCCESS SUCCESS 2 True" in shown
    assert re.search(r"attacker: victim: 0\b", shown)
    assert "ROBBED" not in shown
    assert not re.search(r"turn \d+: late", shown)


def outermost(shown: str) -> set[str]:
    """The files with which the attack's tracebacks begin, where it was called by the kernel itself."""
    called = r"in (?:command|the handler|a deferred call|its recipe|its start).*\s+Traceback.*\s+File \"([^\"]+)\""
    return set(re.findall(rf"kernel: capsule attack failed {called}", shown))


@pytest.mark.parametrize("attack", [path for path in ATTACKS if path.stem == "dma_early"])
def test_dma_never_sees_a_pointer_with_the_length_of_another_buffer(
    attack: Path, simulation: Callable[..., Simulation], apps: list[Path], tmp_path: Path
) -> None:
    """A transfer that begins by itself between two writes would run over the end of the shorter buffer."""
    trace = tmp_path / "trace.txt"
    # Free: in step with the host, the board has a timer of its own set from outside.
    with simulation(*apps, free=True, options=["-trace", "cmsdk_apb_timer_write", "-D", str(trace)]) as board:
        board.expect("attacker: done", timeout=30)
    written = re.findall(r"offset 0x(\w+) data 0x(\w+)", trace.read_text())
    pointer, length = "8", "4"  # RELOAD and VALUE, which the board's manifest calls so
    at = next(i for i, (offset, data) in enumerate(written) if offset == pointer and int(data, 16) >= 0x20000000)
    assert written[at - 1] == (length, "0")
    assert written[at + 1] == (length, "8")
    assert written[0] == (length, "0"), "what a bootloader has left there is taken back before any driver exists"


@pytest.mark.parametrize("attack", [path for path in ATTACKS if path.stem == "memory_of_the_dead"])
def test_what_a_capsule_keeps_of_ended_processes_is_limited(
    attack: Path, simulation: Callable[..., Simulation], tmp_path: Path
) -> None:
    """A record of 32 bytes and three views of 16: 2 KB hold 25. It could end some processes more than those."""
    with simulation(write_app(tmp_path, "mortal", MORTAL)) as board:
        board.expect(r"mortal: victim: \d+\r?\n", timeout=60)
        shown = board.transcript
    assert "mortal: kept all: FAIL" in shown
    assert "MemoryError" in shown
    assert 20 < shown.count("mortal: began") < 40
    assert "mortal: victim: 0" in shown
