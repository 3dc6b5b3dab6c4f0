"""mpremote from PyPI, as it is, on the prompt of a board whose other apps run and print."""

import re
from collections.abc import Iterator

import pytest
from serial_port import Mpremote, Port

from adder.board import ROOT
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

OTHERS = ("hello", "blink", "ping", "pong", "float", "spin", "faulty", "clock-py", "rot13-py", "rot13-client-py")
"""What `make run` shows."""


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mpremote]:
    folder = tmp_path_factory.mktemp("mpremote")
    image = FlashImage(folder / "flash.img")
    apps = [ROOT / "build" / "apps" / f"{app}.tbf" for app in ("repl-py", *OTHERS)]
    image.install([read_app_file(path) for path in apps], only=True)
    with Simulation(ROOT / "build" / "qemu" / "kernel.elf", image.path, clock="counted") as board:
        board.expect(r">>> ")
        port = Port(board, folder / "ttyBoard")
        yield Mpremote(board, folder / "ttyBoard", folder)
        port.close()


def test_commands_answer_as_if_nobody_else_printed(tool) -> None:
    for n in range(10):
        assert tool("resume", "exec", f"print('answer', {n} * 7)") == f"answer {n * 7}\n"
    assert tool("eval", "sum(range(100))") == "4950\n"


def test_a_long_paste_arrives_whole_and_its_output_comes_whole(tool) -> None:
    lines = [f"total += {n}  # {'x' * (n % 60)}" for n in range(300)]
    (tool.folder / "long.py").write_text(
        "total = 0\n" + "\n".join(lines) + "\nprint(total)\nfor n in range(200): print(n)\n"
    )
    shown = tool("run", "long.py")
    assert shown.split() == [str(sum(range(300))), *map(str, range(200))]


def test_code_that_computes_for_long_is_acknowledged_at_once_and_interrupted(tool) -> None:
    (tool.folder / "busy.py").write_text("n = 0\nwhile n < 200000: n += 1\nprint(n)\n")
    assert tool("run", "busy.py") == "200000\n"


def test_what_others_print_meanwhile_comes_afterwards_or_is_counted(tool) -> None:
    before = len(tool.board.raw)
    tool("exec", "import time\nprint('session begins'); time.sleep(8); print('session ends')")
    tool.board.expect("clock 00:0", timeout=60)
    text = bytes(tool.board.raw[before:]).decode(errors="replace")
    inside = text[text.index("session begins") : text.index("session ends")]
    assert inside == "session begins\r\n"
    assert re.search(r"clock \d\d:\d\d:\d\d", text.partition("session ends")[2])
