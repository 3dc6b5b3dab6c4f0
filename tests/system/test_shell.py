"""The shell: mpremote from PyPI, as it is, with all of its verbs, while the apps of `make run` run and print.

Each start of mpremote takes about a second, and the board boots once for all: so commands stand together in chains.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import random
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from fuzzing import record
from serial_port import Mpremote, Port

from adder import mpy_cross
from adder.apps.app_files import read_app_file
from adder.apps.tbf import Tbf, make_tab
from adder.board import ROOT
from adder.image.flash_image import FlashImage
from adder.run.simulate import Simulation

APPS = ROOT / "build" / "apps"
OTHERS = ("hello", "blink", "ping", "pong", "float", "spin", "faulty", "clock-py", "rot13-py", "rot13-client-py")
"""What `make run` shows."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mpremote]:
    folder = tmp_path_factory.mktemp("shell")
    image = FlashImage(folder / "flash.img")
    image.install([read_app_file(APPS / f"{app}.tbf") for app in ("shell", *OTHERS)], only=True)
    with Simulation(ROOT / "build" / "qemu" / "kernel.elf", image.path, clock="counted") as board:
        board.expect(r">>> ", timeout=60)
        port = Port(board, folder / "ttyBoard")
        (folder / "ours").mkdir()
        yield Mpremote(board, folder / "ttyBoard", folder / "ours")
        port.close()


@pytest.fixture(autouse=True)
def nobody_else_noticed(shell: Mpremote) -> Iterator[None]:
    """Whatever was typed: the kernel was not reset, and no app but `faulty` has faulted."""
    yield
    text = bytes(shell.board.raw).decode(errors="replace")
    assert text.count("Adder 0.1.0 on") == 1
    assert set(re.findall(r"app ([\w-]+): (?:faulted|restart|uncaught)", text)) <= {"faulty"}
    assert "kernel: capsule" not in text


def write(shell: Mpremote, name: str, contents: bytes | str) -> Path:
    path = shell.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


# -- Code


def test_exec_eval_and_run_answer(shell) -> None:
    write(shell, "script.py", "import sys\nprint(sys.platform, sys.argv)\n")
    told = shell("exec", "print('hello', 6 * 7)", "+", "eval", "sum(range(100))", "+", "run", "script.py")
    assert told == "hello 42\n4950\nadder ['shell']\n"
    # What is typed has one namespace, __main__'s, wherever the prompt is called from.
    nested = "A = 5\nclass Inner:\n def tell(self, value=A): return value, A, __name__\nprint(Inner().tell())"
    assert shell("exec", nested) == "(5, 5, '__main__')\n"


def test_the_prompt_answers_a_person(shell) -> None:
    command = shell.command("resume", "repl")
    child = pexpect.spawn(command[0], command[1:], timeout=60, encoding="utf-8", cwd=shell.folder)
    child.expect("Ctrl-")
    try:
        child.send("\ranswer = 22; print('answer is', answer)\r")
        child.expect("answer is 22\r\n")
        child.send("print('sum', 20 + ans\t)\r")  # the Tab key completes it
        child.expect("sum 42\r\n")
        child.send("import time; print('now', 1 + 1); time.sleep(1000)\r")
        child.expect("now 2\r\n")
        child.send("\x03")
        child.expect("KeyboardInterrupt")
        child.send("\x1d")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)


def process(text: str) -> str:
    """The process in the text of a file of /apps."""
    return re.findall(r"process (\d+)", text)[0]


def test_resets_begin_the_interpreter_or_the_process_anew_and_nothing_else(shell) -> None:
    before = shell("exec", "there = 1", "+", "cat", ":/apps/shell")
    assert shell("resume", "eval", "there") == "1\n"
    shell("soft-reset")
    told = shell("resume", "exec", "print('there' in globals())", "+", "cat", ":/apps/shell")
    assert told.startswith("False\n")
    assert process(told) == process(before)
    shell("reset")
    for _ in range(20):  # until it has begun, nobody is in the foreground
        if "ready" in shell("exec", "print('ready')", ok=None):
            break
    after = shell("cat", ":/apps/shell", ":/apps/hello")
    assert process(after) != process(before)
    assert [int(count) for count in re.findall(r"restarts: +(\d+)", after)] == [1, 0]


def test_a_folder_of_the_host_is_mounted(shell) -> None:
    write(shell, "there/answer.py", "def tell():\n    return open('/remote/data.txt').read()\n")
    write(shell, "there/data.txt", "from the host")
    code = "import answer; print(answer.tell())\nwith open('back.txt', 'w') as f: f.write('from the board')"
    assert "from the host" in shell("mount", "there", "exec", code)
    assert (shell.folder / "there/back.txt").read_text() == "from the board"


# -- Files


def test_files_are_copied_listed_shown_hashed_edited_and_removed(shell) -> None:
    data = random.Random(1).randbytes(500)
    path = write(shell, "data.bin", data)
    told = shell("cp", "data.bin", ":/storage/", "+", "ls", ":/storage", "+", "sha256sum", ":data.bin")
    assert "500 data.bin" in told
    assert hashlib.sha256(data).hexdigest() in told
    assert "Up to date" in shell("cp", "data.bin", ":data.bin")
    path.unlink()
    shell("cp", ":data.bin", "data.bin", "+", "rm", ":data.bin")
    assert path.read_bytes() == data
    assert "No such file or directory" in shell("rm", ":data.bin", ok=False)
    editor = write(shell, "editor.py", "import sys\nopen(sys.argv[1], 'a').write('x = 5\\n')\n")
    edit = ("edit", ":edited.py", "+", "exec", "import edited; print(edited.x)", "+", "cat", ":edited.py")
    assert "5\nx = 5\n" in shell(*edit, env={"EDITOR": f"{sys.executable} {editor}"})


def test_folders_come_and_go_with_what_is_in_them(shell) -> None:
    write(shell, "pack/__init__.py", "from pack.inner import value\n")
    write(shell, "pack/inner.py", "value = 77\n")
    told = shell("cp", "-r", "pack", ":", "+", "exec", "import pack; print(pack.value)", "+", "tree", ":/storage")
    assert "77\n" in told
    for name in ("pack", "__init__.py", "inner.py"):
        assert name in told
    shell("mkdir", ":empty", "+", "touch", ":empty/new")
    assert "Directory not empty" in shell("rmdir", ":empty", ok=False)  # it is not
    told = shell("rm", ":empty/new", "+", "rmdir", ":empty", "+", "rm", "-r", ":pack", "+", "tree", ":/")
    for name in ("pack", "empty"):
        assert f" {name}\n" not in told.partition("tree :/")[2]


def test_df_and_the_root_show_all_file_systems(shell) -> None:
    told = shell("df", "+", "ls", ":/")
    for path in ("rom", "storage", "apps"):
        assert f"/{path}\n" in told
        assert f"0 {path}/" in told


def test_a_full_file_system_says_so_and_keeps_what_it_had(shell) -> None:
    write(shell, "small.txt", "small\n")
    shell("cp", "small.txt", ":")
    fill = (
        "n = 0\nfor size in (4096, 512):\n try:\n  while True:\n   n += 1\n"
        "   with open('large%d' % n, 'wb') as f: f.write(bytes(size))\n except OSError as e: print(e)\nraise e"
    )
    assert "ENOSPC" in shell("exec", fill, ok=False)
    write(shell, "second.bin", "x" * 1200)
    assert "No space left on device" in shell("cp", "second.bin", ":", ok=False)
    clean = "import os\nfor name in os.listdir(): os.remove(name)"
    assert "small\n" in shell("cat", ":small.txt", "+", "exec", clean)


@contextlib.contextmanager
def index_of(folder: Path) -> Iterator[str]:
    """A package index, on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_mip_installs_source_and_bytecode_from_an_index(shell) -> None:
    source = write(shell, "greet.py", "def greet():\n    return 'greetings'\n")
    compiled = shell.folder / "greet.mpy"
    mpy_cross.run(mpy_cross.command("armv7emsp", "3", "greet.py", compiled, "bytecode"), source)
    files = {"py": ("greet.py", source.read_bytes()), "6": ("greet.mpy", compiled.read_bytes())}
    for version, (name, data) in files.items():
        short = hashlib.sha256(data).hexdigest()[:8]
        write(shell, f"index/file/{short[:2]}/{short}", data)
        package = {"v": 1, "version": "1.0", "hashes": [[name, short]]}
        write(shell, f"index/package/{version}/greet/latest.json", json.dumps(package))
    with index_of(shell.folder / "index") as index:
        for options in ((), ("--no-mpy",)):
            told = shell(
                "mip", "install", *options, "--index", index, "greet",
                "+", "exec", "import greet; print(greet.greet())", "+", "rm", "-r", ":/storage/lib",
            )  # fmt: skip
            assert "greetings\n" in told


# -- Clock, ROM


def test_the_clock_is_read_and_set(shell) -> None:
    asked = (
        "import machine, time; machine.RTC().datetime((2031, 5, 6, 1, 7, 8, 9, 0))\n"
        "from adder import date_time; print(time.localtime()[:5], date_time.read()[:5])"
    )
    told = shell("rtc", "+", "exec", asked, "+", "soft-reset", "+", "rtc").splitlines()
    assert int(told[0][1:5]) >= 2025
    assert told[1] == "(2031, 5, 6, 7, 8) (2031, 5, 6, 7, 8)"
    assert told[-1].startswith("(2031, 5, 6, 1, 7, 8, ")
    told = shell("rtc", "--set", "+", "rtc")
    assert abs(int(told[1:5]) - time.localtime().tm_year) <= 1


def test_romfs_shows_the_programs_own_files_and_refuses_others(shell) -> None:
    write(shell, "rom/tiny.txt", "tiny")
    assert "ROMFS0 partition has size" in shell("romfs", "query", "+", "romfs", "build", "rom")
    assert (shell.folder / "rom.romfs").read_bytes().startswith(b"\xd2\xcd\x31")
    assert "EROFS" in shell("romfs", "deploy", "rom.romfs", ok=False)


# -- Apps


def test_the_apps_are_files_that_say_how_they_are(shell) -> None:
    shell.board.expect("app faulty: restart", timeout=60)
    told = shell("ls", ":/apps", "+", "cat", ":/apps/hello", ":/apps/faulty", "+", "cp", ":/apps/hello", "hello.tbf")
    for app in ("shell", *OTHERS):
        assert re.search(rf"\d+ {app}$", told, re.MULTILINE), told
    hello, faulty = told.split("state: ")[1:]
    assert re.search(r"restarts: +0\n", hello)
    assert re.search(r"restarts: +[1-9]", faulty)
    assert "last fault: data access violation at 0x20000000" in faulty
    assert (shell.folder / "hello.tbf").read_bytes()[:500] == (APPS / "hello.tbf").read_bytes()[:500]
    assert "No such file or directory" in shell("cat", ":/apps/nobody", ok=False)


def tab_of(*names: str) -> bytes:
    """A TAB with the same small program for these processors, without the zeros that tar adds in the end."""
    tbf = Tbf.decode((APPS / "blink-py.tbf").read_bytes())
    data = make_tab([tbf] * len(names), names=names).rstrip(b"\0")
    return data + bytes(-len(data) % 512)


def test_a_tab_that_is_copied_to_apps_runs_and_a_file_that_is_removed_does_not(shell) -> None:
    write(shell, "blink.tab", tab_of("cortex-m4"))
    first = shell("cp", "blink.tab", ":/apps/", "+", "cat", ":/apps/blink-py")
    assert re.search("state: +(waiting|running)", first)
    again = shell("cp", "blink.tab", ":/apps/", "+", "cat", ":/apps/blink-py", "+", "ls", ":/apps")  # in its place
    assert again.count(" blink-py\n") == 1
    assert process(again) != process(first)
    assert "blink-py" not in shell("rm", ":/apps/blink-py", "+", "ls", ":/apps").partition("\nls")[2]


def test_of_a_tab_for_many_processors_the_right_program_is_taken(shell) -> None:
    write(shell, "many.tab", tab_of("cortex-m0", "cortex-m4"))
    shell("cp", "many.tab", ":/apps/", "+", "cp", ":/apps/blink-py", "back.tbf", "+", "rm", ":/apps/blink-py")
    assert (shell.folder / "back.tbf").read_bytes() == (APPS / "blink-py.tbf").read_bytes()
    write(shell, "foreign.tab", tab_of("cortex-m0"))
    assert "Invalid argument" in shell("cp", "foreign.tab", ":/apps/", ok=False)


def tar_header(size: bytes) -> bytes:
    """Of a member whose size is written so."""
    block = bytearray(b"x".ljust(124, b"\0") + size.ljust(12, b"\0") + b" " * 20 + b"0").ljust(512, b"\0")
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_what_is_no_app_is_refused_with_a_sentence_and_leaves_nothing(shell) -> None:
    tbf, rest = (APPS / "blink-py.tbf").read_bytes(), b"x" * 504  # zeros take four times as long
    cases = {
        "empty": (b"", "Invalid argument"),
        "text": (b"print('hello')\n" * 35, "Invalid argument"),
        "short": (tbf[:300], "Invalid argument"),
        "header": (tbf[:20] + b"\x55" + tbf[21:], "Invalid argument"),
        "odd": (b"\x02\x00\x34\x00\x02\x02\x00\x00" + rest, "Invalid argument"),
        "large": (b"\x02\x00\x34\x00\x00\x80\x06\x00" + rest, "No space left on device"),
        "backwards": (tar_header(b"-0000007777") + rest, "Invalid argument"),
        "huge": (b"\x02\x00\x34\x00\x00\x00\x00\x02" + rest[:8], "File too large"),
        "fixed": ((APPS / "hello-fixed.tbf").read_bytes()[:512], "Invalid argument"),
        "itself": ((APPS / "shell.tbf").read_bytes()[:512], "Device or resource busy"),
    }
    before = shell("ls", ":/apps")
    for name, (data, sentence) in cases.items():
        write(shell, f"{name}.tab", data)
        assert sentence in shell("cp", f"{name}.tab", ":/apps/", ok=False), name
    for command in (("mkdir", ":/apps/x"), ("touch", ":/apps/x"), ("rm", ":/apps/shell")):
        assert re.search("not permitted|busy", shell(*command, ok=False))
    assert shell("ls", ":/apps") == before


# -- Whatever comes in


def noise(dice: random.Random) -> bytes:
    """Random bytes, breaks (a break is a zero byte, or many), cut-off protocols, control characters."""
    kind = dice.randrange(4)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 300)).replace(b"\xfc", b"\xfd")
    if kind == 1:
        return bytes(dice.randrange(1, 60))
    if kind == 2:
        return b"\r\x03\x01\x05A\x01" + dice.randbytes(dice.randrange(200)) + b"\x04" * dice.randrange(2)
    known = (b"\x03", b"\x01", b"\x02", b"\x04", b"\x05", b"\x18", b"\xfc\x01", b"console()\r", b"list\r", b"shell\r")
    return dice.choice(known) * dice.randrange(1, 9)


def test_random_bytes_on_the_line_reset_nothing_and_lose_nothing(shell, long) -> None:
    """At full length, a million bytes."""
    write(shell, "kept.txt", "kept\n")
    before = shell("cp", "kept.txt", ":", "+", "ls", ":/apps", "+", "cat", ":kept.txt").partition("\n")[2]
    dice = random.Random(7)
    sent, pieces = 0, 0
    while sent < (1_000_000 if long else 1_500):
        data = noise(dice)
        shell.board.send(data)
        sent += len(data)
        pieces += 1
        if pieces % 40 == 0:
            assert shell("ls", ":/apps", "+", "cat", ":kept.txt") == before
    assert shell("ls", ":/apps", "+", "cat", ":kept.txt") == before
    if long:
        record("the shell's line", shell_line_bytes=sent)


# -- At the end


def test_what_a_tool_sends_while_the_shell_begins_anew_waits_for_its_prompt(simulation) -> None:
    """As `mpremote reset` and then `ls` send it: an app that reads the console gets nothing of it.

    But for the moment before the shell's first instruction, in which one of the tries may come.
    """
    answered = 0
    with simulation("shell", "clock-py", clock="counted") as board:
        board.expect(r">>> ", timeout=60)
        for milliseconds in range(0, 36, 4):
            seen = len(board.raw)
            board.send(b"\rimport machine; machine.reset()\r")
            assert board.run_until(lambda seen=seen: b"reset()\r\n" in board.raw[seen:], 10)
            board.run(milliseconds / 1000)
            board.send(b"\r\x03")
            board.run(0.05)
            board.send(b"\r\x01")
            answered += board.run_until(lambda seen=seen: b"raw REPL; CTRL-B to exit\r\n>" in board.raw[seen:], 3)
            board.send(b"\r\x02")
            board.run(1)
    assert answered >= 8


def test_files_and_apps_outlive_a_reset_of_the_board(shell) -> None:
    write(shell, "stays.txt", "still here\n")
    write(shell, "blink.tbf", (APPS / "blink-py.tbf").read_bytes())
    shell("cp", "stays.txt", ":/storage/", "+", "cp", "blink.tbf", ":/apps/")
    board = shell.board
    board.kill()
    board.start()
    board.expect(r">>> ", timeout=60)
    link = shell.folder / "ttyAgain"
    port = Port(board, link)  # the first one knows what the board had said before
    told = Mpremote(board, link, shell.folder)("cat", ":stays.txt", "+", "cat", ":/apps/blink-py")
    port.close()
    assert told.startswith("still here\n")
    assert re.search("state: +(waiting|running)", told)
