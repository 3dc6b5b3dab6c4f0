"""UICR through a debug probe: fake tools before a chip whose UICR obeys the flash controller's rules."""

import json
import sys
from pathlib import Path

import pytest
from making import make_tbf
from test_flash import JLINK_LIST, PYOCD_LIST, Desk, desk, flash, kernel  # noqa: F401 (fixtures)

from adder.board.configuration import read, values
from adder.errors import AdderError
from adder.flash import command
from adder.flash.uicr import ADDRESSES, ERASED, NFCPINS, PSELRESET, REGOUT0, compare, parse_words, wanted

# A tool of any of the four kinds: it understands what it is told in words, arguments or a script.
TOOL = """#!{python}
import json, pathlib, re, sys
memory = pathlib.Path({memory!r})
words = {{int(k): v for k, v in json.loads(memory.read_text()).items()}}
said = " ".join(sys.argv[1:])
for word in sys.argv[1:]:
    if word.endswith(".jlink"):
        said += "\\n" + pathlib.Path(word).read_text()
for key, answer in {answers!r}:
    if key in said:
        print(answer)
        sys.exit(0)
with open({log!r}, "a") as log:
    log.write(json.dumps([{name!r}, said]) + "\\n")
nrfjprog = {name!r} == "nrfjprog"
number = r"(0x[0-9a-f]+|[0-9]+)"
for verb, address, count, value in re.findall(
    rf"(?:^|\\s|--)(read32|mem32|mdw|memrd|write32|w4|mww|memwr) {{number}}"
    rf"(?:,? (?:--n )?([0-9]+)(?![0-9a-fx]))?(?:,? (?:--val )?{{number}})?", said
):
    address = int(address, 0)
    if verb in ("read32", "mem32", "mdw", "memrd"):
        many = int(count) // 4 if verb == "memrd" else 1
        shown = " ".join("%08x" % words.get(address + 4 * i, 0xFFFFFFFF) for i in range(many))
        print({{"mem32": "%08X = %s"}}.get(verb, "0x%08x: %s   |....|") % (address, shown))
    else:
        new = int(value or count, 0)
        if address == 0x4001E504:
            words[address] = new
        elif nrfjprog or words.get(0x4001E504) == 1:
            words[address] = words.get(address, 0xFFFFFFFF) & new
memory.write_text(json.dumps(words))
"""


class Chip:
    def __init__(self, at: Desk, name: str) -> None:
        self._memory = at.folder / "memory"
        self._log = at.folder / "commands"
        self.put({})
        answers = (("json --probes", PYOCD_LIST), ("ShowEmuList", JLINK_LIST), ("--ids", "683339521"))
        if name == "openocd":
            at.plug_probe("0d28", "0204", "DAPLink", "AAA1")
        answers += (("compare", "All 8000 bytes match."),)
        tool = at.tools / name
        tool.write_text(
            TOOL.format(python=sys.executable, memory=str(self._memory), log=str(self._log), name=name, answers=answers)
        )
        tool.chmod(0o755)

    def put(self, words: dict[int, int]) -> None:
        self._memory.write_text(json.dumps(words))

    def words(self) -> dict[int, int]:
        return {int(address): word for address, word in json.loads(self._memory.read_text()).items()}

    def commands(self) -> list[str]:
        return [json.loads(line)[1] for line in self._log.read_text().splitlines()]


TOOLS = {"pyocd": "pyocd", "JLinkExe": "jlink", "nrfjprog": "nrfjprog", "openocd": "openocd"}


@pytest.mark.parametrize("tool", TOOLS)
def test_an_erased_chip_gets_its_reset_pin_and_that_is_said_before(desk: Desk, kernel: Path, tool: str) -> None:  # noqa: F811
    chip = Chip(desk, tool)
    out = flash("--kernel", kernel, "--method", TOOLS[tool])
    assert out.index("UICR is written, too: P0.18 is the reset pin.") < out.index("bytes written")
    words = chip.words()
    assert [words[address] for address in PSELRESET] == [18, 18]
    assert NFCPINS not in words, "what nobody needs is left alone"
    assert words.get(0x4001E504, 0) == 0, "the flash controller is read-only again"
    assert any(reset in chip.commands()[-2] for reset in ("reset", "\nr\ng\n")), "the chip looks at UICR after a reset"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_chip_that_has_it_already_is_not_written_again(desk: Desk, kernel: Path, tool: str) -> None:  # noqa: F811
    chip = Chip(desk, tool)
    chip.put(dict.fromkeys(PSELRESET, 18))
    out = flash("--kernel", kernel, "--method", TOOLS[tool])
    assert "UICR" not in out
    assert not any("1001200 " in said and ("write" in said or "w4" in said) for said in chip.commands())


def test_what_another_firmware_has_chosen_stays_and_is_said(desk: Desk, kernel: Path) -> None:  # noqa: F811
    chip = Chip(desk, "pyocd")
    chip.put(dict.fromkeys(PSELRESET, 21))
    out = flash("--kernel", kernel)
    assert "UICR says otherwise than the board needs, and stays as it is: P0.18 is the reset pin." in " ".join(
        out.split()
    )
    assert chip.words() == dict.fromkeys(PSELRESET, 21)


def test_a_uicr_that_cannot_be_read_keeps_nobody_from_flashing(desk: Desk, kernel: Path) -> None:  # noqa: F811
    desk.tool("nrfjprog", ("--ids", "683339521"))
    out = flash("--kernel", kernel)
    assert "UICR could not be read and stays as it is" in out
    assert "bytes written" in out


def test_a_uicr_that_does_not_take_what_is_written_is_an_error(
    desk: Desk,  # noqa: F811
    kernel: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Chip(desk, "openocd")
    monkeypatch.setattr(command.OpenOcd, "write_command", lambda self, *_: [sys.executable, "-c", ""])
    with pytest.raises(AdderError, match=r"^Kernel and apps are written, but OpenOCD has not written UICR\.$"):
        flash("--kernel", kernel, "--method", "openocd")


def test_a_dry_run_reads_nothing_and_says_what_would_be_written(desk: Desk, kernel: Path) -> None:  # noqa: F811
    chip = Chip(desk, "pyocd")
    out = flash("--kernel", kernel, "--dry-run")
    assert "UICR, if that is erased: P0.18 is the reset pin." in out
    assert chip.words() == {}


def test_apps_alone_leave_uicr_alone(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    chip = Chip(desk, "pyocd")
    app = tmp_path / "app.tbf"
    app.write_bytes(make_tbf("app"))
    flash("--no-kernel", "--method", "pyocd", "--dry-run", app)
    assert chip.words() == {}


def test_each_board_says_what_it_needs() -> None:
    needs = {board: wanted(values(read(board))) for board in ("nrf52840", "nrf52840dongle", "feather", "nano33")}
    assert {setting.address for setting in needs["nrf52840"]} == set(PSELRESET)
    dongle = {setting.address: setting for setting in needs["nrf52840dongle"]}
    assert dongle[REGOUT0].value == 0xFFFFFFFC, "3.0 V, and no other bit is cleared"
    assert "3.0 V" in dongle[REGOUT0].what


def test_a_pin_of_the_antenna_that_is_used_is_made_a_pin() -> None:
    options = values(read("nrf52840"))
    assert NFCPINS not in {setting.address for setting in wanted(options)}
    settings = wanted(options | {"NRF52_LED3": 10})
    assert [(s.value, s.mask) for s in settings if s.address == NFCPINS] == [(0xFFFFFFFE, 1)]
    assert wanted(options | {"NRF52_RESET_PIN": -1}) == []


def test_only_erased_words_are_written() -> None:
    settings = wanted(values(read("nrf52840dongle")))
    erased = dict.fromkeys(ADDRESSES, ERASED)
    assert list(compare(settings, erased).write) == settings
    found = compare(settings, erased | {REGOUT0: 0xFFFFFFFD})
    assert [s.address for s in found.conflicts] == [REGOUT0]
    assert compare(settings, {}).unknown


@pytest.mark.parametrize(
    "said",
    [
        "10001200:  ffffffff 00000012    |........|\n",
        "noise\n10001200 = FFFFFFFF 00000012 \n",
        "0x10001200: ffffffff 00000012 \n",
        "0x10001200: FFFFFFFF 00000012   |........|\n",
        "10001200 = FFFFFFFF\n10001204 = 00000012\n",
    ],
)
def test_words_are_read_as_each_tool_shows_them(said: str) -> None:
    assert parse_words(said) == {0x10001200: ERASED, 0x10001204: 18}
