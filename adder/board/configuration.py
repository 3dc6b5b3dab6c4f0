"""What Kconfig says of a board: the options' defaults, the board's own choices, the user's."""

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import kconfiglib

from adder.board.files import ROOT, board_file, board_folder, board_title
from adder.errors import AdderError


@dataclass(frozen=True)
class Pins:
    """Options that are pins of the nRF52840, and the option that has them used."""

    switch: str
    options: tuple[str, ...]
    needed: int = 0
    """How many of them must be given, if the switch is on."""
    off: bool = False
    """Used where the switch is off."""


PINS = (
    Pins("NRF52_CONSOLE_RTT", ("NRF52_UART_TX", "NRF52_UART_RX"), off=True),
    Pins("NRF52_UART_FLOW_CONTROL", ("NRF52_UART_RTS", "NRF52_UART_CTS"), needed=2),
    Pins("CAPSULE_LED", tuple(f"NRF52_LED{i}" for i in range(4))),
    Pins("CAPSULE_BUTTON", tuple(f"NRF52_BUTTON{i}" for i in range(4))),
    Pins("CAPSULE_GPIO", tuple(f"NRF52_GPIO{i}" for i in range(6))),
    Pins("I2C_BUS", ("NRF52_I2C_SCL", "NRF52_I2C_SDA"), needed=2),
    Pins("SPI_BUS", ("NRF52_SPI_SCK", "NRF52_SPI_MOSI", "NRF52_SPI_MISO", "NRF52_SPI_CS"), needed=4),
    Pins("CAPSULE_PWM", tuple(f"NRF52_PWM{i}" for i in range(3)), needed=1),
    Pins("CAPSULE_BUZZER", ("NRF52_BUZZER",), needed=1),
    Pins("CAPSULE_SERVO", ("NRF52_SERVO",), needed=1),
)
"""All of them but the reset pin; a test looks for pins in Kconfig that are missing here."""

ANALOG_INPUTS = (2, 3, 4, 5, 28, 29, 30, 31)
"""The pins of AIN0 to AIN7: nRF52840 Product Specification v1.7, 7.1.1 "aQFN73 ball assignments"."""

CRYSTAL_PINS = (0, 1)
"""XL1 and XL2 of the 32.768 kHz crystal; in the same table."""


def read(board: str, *files: Path) -> kconfiglib.Kconfig:
    """What Kconfig, the board's file and these files say, in this order; not checked."""
    os.environ["BOARD_TITLE"] = board_title(board) or board
    os.environ["BOARD_CHIP"] = board_folder(board).name
    kconfig = kconfiglib.Kconfig(str(ROOT / "Kconfig"), warn_to_stderr=False)
    kconfig.warn_assign_undef = True
    kconfig.warn_assign_override = kconfig.warn_assign_redun = False  # the user's file may say what the board's says
    for i, file in enumerate((board_file(board), *files)):
        kconfig.load_config(str(file), replace=i == 0)
    return kconfig


def load(board: str, folder: Path, named: Path | None = None) -> kconfiglib.Kconfig:
    """The configuration of `board` as it is built in `folder`, checked; `named`: where the user's are from."""
    chosen = folder / ".config"
    files = [chosen] if chosen.is_file() else []
    kconfig = read(board, *files)
    options = values(kconfig)  # a number out of its range is noticed when it is looked at
    if kconfig.warnings:
        problem = problem_of(kconfig, kconfig.warnings[0], files[0] if files else board_file(board))
        raise AdderError(problem.replace(str(chosen), str(named)) if named else problem)
    check(board, options)
    return kconfig


def problem_of(kconfig: kconfiglib.Kconfig, warning: str, file: Path) -> str:
    """A sentence from what kconfiglib says, which goes on where we stop."""
    where = re.match(rf"{re.escape(str(file))}:\d+", warning)
    place = where[0] if where else str(file)
    if found := re.search(r"value '(.*)' to the undefined symbol (\w+)", warning):
        like = difflib.get_close_matches(found[2], [symbol.name for symbol in kconfig.unique_defined_syms], 3, 0.7)
        hint = f" Is it {' or '.join(like)}?" if like else ""
        return f"{place}: there is no option {found[2]}.{hint} `make menuconfig` shows them all."
    if found := re.search(r"user value (\S+) on the \w+ symbol (\w+) .*outside the active range \((.+)\)", warning):
        return f"{place}: {found[2]} is {found[1]}, and must be within {found[3].strip('[]').replace(', ', ' to ')}."
    if found := re.search(r"the value '(.*)' is invalid for (\w+) .*which has type (\w+)", warning):
        return f"{place}: {found[2]} is '{found[1]}', which is no value of type {found[3]}."
    if found := re.search(r"malformed line '(.*)'", warning):
        return f"{place}: '{found[1]}' is neither CONFIG_OPTION=VALUE nor a comment."
    problem = warning.removeprefix("warning: ")
    return problem if str(file) in problem else f"{file}: {problem}"


def check(board: str, options: dict[str, int]) -> None:
    """Refuse what is in range and cannot be all the same."""
    remedy = f"`make menuconfig BOARD={board}` changes it"
    log = options["KERNEL_LOG_BYTES"]
    if log & (log - 1):
        raise AdderError(f"KERNEL_LOG_BYTES is {log}, which is not a power of two; {remedy}.")
    if board_folder(board).name != "nrf52840":
        return
    for some in PINS:
        given = [name for name in some.options if options[name] >= 0]
        if bool(options[some.switch]) is not some.off and len(given) < some.needed:
            missing = [name for name in some.options if name not in given]
            what = "one of " if some.needed < len(some.options) else ""
            raise AdderError(f"{some.switch} needs a pin for {what}{', '.join(missing)}; {remedy}.")
    taken: dict[int, str] = {}
    for name, pin in pins_in_use(options):
        if pin in taken:
            raise AdderError(f"{taken[pin]} and {name} are both pin {pin}; {remedy}.")
        taken[pin] = name


def pins_in_use(options: dict[str, int]) -> Iterator[tuple[str, int]]:
    """What uses a pin of an nRF52840, and which."""
    if options["NRF52_LFCLK_CRYSTAL"]:
        yield from (("the crystal of NRF52_LFCLK_CRYSTAL", pin) for pin in CRYSTAL_PINS)
    if options["NRF52_RESET_PIN"] >= 0:
        yield "NRF52_RESET_PIN", options["NRF52_RESET_PIN"]
    for some in PINS:
        if bool(options[some.switch]) is not some.off:
            yield from ((name, options[name]) for name in some.options if options[name] >= 0)
    if options["CAPSULE_ADC"]:
        for number, pin in enumerate(ANALOG_INPUTS):
            if options["NRF52_ADC_INPUTS"] >> number & 1:
                yield f"AIN{number} of NRF52_ADC_INPUTS", pin


def values(kconfig: kconfiglib.Kconfig) -> dict[str, int]:
    """Every option as a number; a switch is 0 or 1."""
    return {
        symbol.name: int(symbol.str_value == "y")
        if symbol.type in (kconfiglib.BOOL, kconfiglib.TRISTATE)
        else int(symbol.str_value, 16 if symbol.type == kconfiglib.HEX else 10)
        for symbol in kconfig.unique_defined_syms
    }
