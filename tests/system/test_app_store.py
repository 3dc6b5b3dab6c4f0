"""Apps are installed while others run, on the real image, by an app; what is installed is there after a reset."""

import re
import struct
from pathlib import Path

from adder.board import ROOT
from adder.image.directory import ENABLED, LOADED, PAGE, entries_of, write_directory
from adder.image.flash_image import FlashImage, padding_app, read_app_file
from adder.run.simulate import Simulation

BUILT = ROOT / "build" / "apps"

LOADER = """
import syscall, time
LOADER = 0x10001
told = []
for number in range(6):
    syscall.subscribe(LOADER, number, lambda a, b, c, n=number: told.append((n, a, b)))
def ask(number, first=0, second=0):
    try:
        syscall.command(LOADER, number, first, second)
    except syscall.SyscallError as error:
        return -error.args[0]
    told.clear()
    while not told:
        syscall.yield_wait()
    return told[0]
def install(program):
    answers = [ask(1, len(program))]
    for at in range(0, len(program), 1024):
        piece = program[at : at + 1024]
        syscall.allow_ro(LOADER, 0, piece)
        answers.append(ask(2, at, len(piece)))
    syscall.allow_ro(LOADER, 0, None)
    return answers + [ask(3), ask(4)]
"""

BEAT = """
import time
worst, last = 0, time.ticks_us()
for beats in range(%d):
    time.sleep_ms(10)
    now = time.ticks_us()
    worst, last = max(worst, time.ticks_diff(now, last)), now
print("beat: worst", worst)
"""


def loading(python_app, text: str, program: bytes, name: str = "loader", ram: int = 24576) -> Path:
    """An app that has another one in itself."""
    return python_app(f"{LOADER}\nprogram = {program!r}\n{text}", name=name, ram=ram)


def small_app(python_app, name: str, says: str) -> bytes:
    text = f"import time\nwhile True:\n    print('{name}: {says}')\n    time.sleep_ms(300)"
    return python_app(text, name=name, ram=8192).read_bytes()


def in_flash(image: Path) -> list[str]:
    """The apps that anybody finds who walks the list."""
    return [placed.app.name for placed in FlashImage(image).apps()]


def test_an_app_loads_another_which_starts_and_starts_again_after_a_reset(simulation, python_app) -> None:
    program = small_app(python_app, "inner", "here")
    app = loading(python_app, "print('loader:', install(program), ask(5))", program)
    with simulation(app, "hello", clock="counted") as board:
        board.expect_all(r"loader: \[.*\n", "inner: here", timeout=60)
        shown = board.transcript
        assert re.search(r"loader: \[\(0, 0, 0\), (\(1, 0, \d+\), )+\(2, 0, 0\), \(3, 0, 0\)\]", shown), shown
        assert "app inner: slot 2, flash 0x21002000-0x21002200" in shown
        board.reset()
        board.expect_all(r"(?s)app inner: slot.*app inner: slot", timeout=60)
        board.expect_all(r"loader: \[.*\(2, 3, 0\), -1\] \(4, 0, 0\)\r", timeout=60)  # there is one of this name
    assert in_flash(board.image) == ["hello", "loader", "inner"]


def test_what_an_app_has_loaded_begins_after_what_the_host_has_installed_and_the_host_leaves_that_so(
    simulation, python_app
) -> None:
    """It lies before them, and wants most of the RAM."""
    inner = python_app("print('inner: here')", name="inner", ram=98304)
    other = python_app("print('other: here')", name="other", ram=65536)
    with simulation("hello", clock="counted") as board:
        board.expect("hello, 1")
    image = FlashImage(board.image)
    image.install([read_app_file(inner), read_app_file(other)], only=True)
    flash = image.app_flash()
    assert in_flash(board.image)[0] == "inner"
    entries = [
        (one.address - image.flash.start, one.app.size, ENABLED | (LOADED if one.app.name == "inner" else 0))
        for one in image.apps()
    ]
    with board.image.open("r+b") as file:
        file.write(write_directory(flash, entries_of(flash, entries)))
    image.install([read_app_file(BUILT / "hello.tbf")])
    with Simulation(board.kernel, board.image, clock="counted") as again:
        again.expect_all("hello, 1", "other: here", timeout=60)
        again.run(1)
        begun = re.findall(r"app (\w+): (slot|not started)", again.transcript)
    assert begun[:2] in ([("other", "slot"), ("hello", "slot")], [("hello", "slot"), ("other", "slot")])
    assert begun[2][0] == "inner"


def test_what_is_no_program_is_refused_and_what_is_out_of_turn_fails(simulation, python_app) -> None:
    text = """
print("early:", ask(2, 0, 4), ask(3), ask(4), ask(5))
def later(*what):
    time.sleep_ms(50)
    return ask(*what)
print("sizes:", ask(1, 3), later(1, 0), later(1, 0x1000000), later(1, 4092))
time.sleep_ms(50)
print("setup:", ask(1, 1024), ask(1, 1024))
print("outside:", ask(2, 1024, 4), ask(2, 1, 4), ask(2, 0, 3), ask(2, 0, 4))
print("aborted:", ask(5))
print("garbage:", install(bytes(range(256)) * 4))
print("abort:", ask(5))
print("flipped:", install(program[:20] + bytes([program[20] ^ 1]) + program[21:]))
print("abort:", ask(5))
print("good:", install(program)[-1])
print("unload:", ask(6, 0), ask(6, 77))
"""
    app = loading(python_app, text, small_app(python_app, "inner", "here"))
    with simulation(app, "hello", clock="counted") as board:
        board.expect_all(r"unload: -\d -\d", "inner: here", timeout=60)
        shown = board.transcript
    assert "early: -1 -1 -1 -1" in shown
    assert "sizes: -6 -6 -6 -6" in shown
    assert "setup: (0, 0, 0) -1" in shown
    assert "outside: -5 -6 -6 -5" in shown
    assert "aborted: (4, 0, 0)" in shown
    assert re.search(r"garbage: .*\(2, 6, 0\), -1\]", shown)
    assert re.search(r"flipped: .*\(2, 6, 0\), -1\]", shown)
    assert shown.count("abort: (4, 0, 0)") == 2
    assert "good: (3, 0, 0)" in shown
    assert "unload: -6 -6" in shown
    assert "failed in" not in shown
    assert in_flash(board.image) == ["hello", "loader", "inner"]


def test_what_has_no_room_is_said_later_whether_it_is_known_which_apps_there_are_or_not(simulation, python_app) -> None:
    text = "print('told:', ask(1, 0x68000), time.sleep_ms(50), ask(1, 0x68000), ask(6, 77))"
    app = python_app(f"{LOADER}\n{text}", name="loader", ram=24576)
    with simulation(app, "hello", clock="counted") as board:
        board.expect(r"told: \(0, 9, 0\) None \(0, 9, 0\) -6\r", timeout=60)
        board.reset()
        board.expect(r"told: \(0, 9, 0\) None \(0, 9, 0\) -6\r", timeout=60)


def test_one_that_ends_in_the_middle_of_loading_leaves_nothing_and_the_next_one_can(simulation, python_app) -> None:
    program = small_app(python_app, "inner", "here")
    ends = loading(python_app, "print('ends:', ask(1, 4096))", program, "ends")
    again = """
time.sleep_ms(700)
for attempt in range(10):
    answers = install(program)
    print("next:", answers)
    if answers[0] == (0, 0, 0):
        break
    time.sleep_ms(100)
"""
    after = loading(python_app, again, program, "after")
    with simulation(ends, after, "hello", clock="counted") as board:
        board.expect_all(r"next: .*\(3, 0, 0\)\]", "inner: here", timeout=60)
    assert in_flash(board.image).count("inner") == 1


def test_others_are_not_late_while_an_app_is_installed(simulation, python_app) -> None:
    """Every 10 ms, by an instruction's fixed time; 20 ms late at most."""
    large = python_app(f"data = {bytes(range(256)) * 16!r}\nprint('large: here')", name="large", ram=16384).read_bytes()
    assert len(large) > 4096
    app = loading(python_app, "time.sleep_ms(300)\nprint('loader:', install(program)[-1])", large, ram=40960)
    with simulation(app, python_app(BEAT % 300, name="beat", ram=8192), clock="counted") as board:
        board.expect_all(r"loader: \(3, 0, 0\)", "large: here", r"beat: worst \d+\r", timeout=60)
        worst = re.search(r"beat: worst (\d+)", board.transcript)
    assert worst is not None
    assert int(worst[1]) < 30_000


def renamed(data: bytes, old: str, new: str, enabled: bool) -> bytes:
    """The same app with a name that is as long, on a page of its own with padding behind it."""
    header = bytearray(data[: struct.unpack_from("<H", data, 2)[0]].replace(old.encode(), new.encode()))
    header[8] = enabled
    header[12:16] = bytes(4)
    for at in range(0, len(header), 4):
        if at != 12:
            header[12:16] = bytes(a ^ b for a, b in zip(header[12:16], header[at : at + 4], strict=True))
    app = bytes(header) + data[len(header) :]
    return (app + padding_app(-len(app) % PAGE)).ljust(PAGE, b"\xff")


def test_a_boot_with_as_many_apps_as_there_can_be_starts_none_that_is_disabled_and_the_board_can_be_asked(
    simulation, python_app
) -> None:
    """With long headers; all of them at once are more than a capsule has time for."""
    text = """
import syscall, time
refused = 0
while True:
    try:
        print("asks: of", syscall.command(0x10100, 1)[0], "apps")
        break
    except syscall.SyscallError as error:
        refused += error.args[0] == 2
    time.sleep_ms(20)
"""
    permissions = ["alarm", "console", 0x10100, *range(0x90000, 0x90000 + 58)]
    data = python_app(text, name="n00", ram=8192, permissions=permissions).read_bytes()
    apps = [renamed(data, "n00", f"n{n:02}", n not in (1, 5, 9)) for n in range(32)]
    with simulation("hello", clock="counted") as board:
        board.expect("hello, 1")
    flash = b"".join(apps).ljust(len(FlashImage(board.image).app_flash()), b"\xff")
    starts = range(0, 32 * len(apps[0]), len(apps[0]))
    flash = write_directory(flash, entries_of(flash, [(at, len(data), int(flash[at + 8])) for at in starts]))
    with board.image.open("r+b") as file:
        file.write(flash)
    with Simulation(board.kernel, board.image, clock="counted") as again:
        again.expect_all(*["asks: of 32 apps"] * 3, timeout=60)
        again.run(2)
        assert "capsule app_store" not in again.transcript
        begun = re.findall(r"app (n\d\d): slot", again.transcript)
        assert begun == [f"n{n:02}" for n in range(32) if n not in (1, 5, 9)][: len(begun)]
        assert len(begun) >= 8
