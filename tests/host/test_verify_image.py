"""The second verifier, of machine code: what it accepts, and what it refuses for which reason."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from compiled import START, functions
from elftools.elf.elffile import ELFFile

from adder.verify_image import LONGEST_FUNCTION, Code, Verifier, verify_image
from adder.verify_image.bytecode import Bytecode
from adder.verify_image.decode import Refused, decode
from adder.verify_image.image import Image
from adder.verify_image.runtime import CALLS

NATIVE = """
from kernel import thing
LIMIT = 5
class C:
    def __init__(self, uart, rate=9600, name="x"):
        self._uart = uart
        self._list = [n + rate for n in range(3)]
        self._other = [n + rate for n in self._list if n != uart]
    def tries(self, value, items):
        total = 0
        for item in items:
            try:
                total += self._uart.read(item, flag=value)
            except ValueError as error:
                total -= 1
                if total < -100:
                    raise error
            except Exception:
                for again in items:
                    try:
                        total += again
                    except TypeError:
                        continue
                break
        else:
            a, b = thing(total)
            return f"{a}:{b:04x}"
        while total > 3 and (value or items):
            total //= 2
        return total if total is not None else (1, 2, "three")
    def raises(self, value):
        if value:
            found = self._list[value]
        else:
            raise RuntimeError("no")
        self._list[value] = found
        return found
"""

WORDS = """
from kernel import SUCCESS, ErrorCode
import micropython
class C:
    @micropython.viper
    def command(self, number: int, first: int, second: int, process):
        if number == 0:
            return SUCCESS
        if first < 0 or first >= int(len(self.leds)):
            return ErrorCode.INVAL
        total = 0
        while total < second:
            total = total + (first << 2 & 0xFF) // 3 - ~number
            try:
                self.leds.set(total)
            except ValueError:
                total = total * 2
        return self.leds.at(total % 7)
"""


@pytest.mark.parametrize("text", [NATIVE, WORDS])
def test_what_the_emitters_make_of_each_construct_is_accepted(text) -> None:
    for code in functions(text):
        code.verify()


FEW = """
import kernel
from kernel import SUCCESS
from kernel import thing as other
LIMIT = 5
TEXT = b"five"
"""


@pytest.mark.parametrize("lines", range(1, 6))
def test_a_module_that_has_only_imports_and_constants_is_accepted(lines) -> None:
    """It has no reason to put its own globals in force: whoever imports it has done so."""
    for text in ("\n".join(FEW.splitlines()[: lines + 1]), "\n".join(FEW.splitlines()[-lines:])):
        (code,) = functions(text)
        code.verify()


def test_an_import_in_the_globals_of_whoever_calls_is_refused() -> None:
    """Only a module's own function is sure to be called with the module's in force."""
    body, inner = functions("def f():\n    import kernel\n")
    body.verify()
    (few,) = functions(FEW)
    for code in (inner, Code(few.name, few.start, few.bytes, replace(few.around, body=False))):
        with pytest.raises(Refused, match="looks up a name in its caller's globals"):
            code.verify()


def conditional(statements: int) -> str:
    body = "        total = total + 1\n" * statements
    return f"def add(value):\n    total = value\n    if value > 5:\n{body}    return total\n"


def test_a_conditional_branch_that_the_emitter_cannot_encode_is_refused() -> None:
    _, short = functions(conditional(LONGEST_FUNCTION // 2 // 12))
    assert len(short.bytes) < LONGEST_FUNCTION
    short.verify()
    _, long = functions(conditional(LONGEST_FUNCTION * 2 // 12))
    with pytest.raises(Refused, match=r"`beq.w .*where no instruction of this function begins"):
        long.verify()


def test_a_function_as_long_as_is_allowed_has_no_such_branch() -> None:
    statements = LONGEST_FUNCTION // 12
    while len((code := functions(conditional(statements))[1]).bytes) > LONGEST_FUNCTION:
        statements -= 1
    assert len(code.bytes) > LONGEST_FUNCTION - 24
    code.verify()


def changed(code: Code, text: str, *halfwords: int) -> Code:
    """The code with the first instruction of that text replaced, or more after it."""
    at = next(one.address for one in decode(code.bytes, code.start).values() if one.text == text) - code.start
    new = struct.pack(f"<{len(halfwords)}H", *halfwords)
    return Code(code.name, code.start, code.bytes[:at] + new + code.bytes[at + len(new) :], code.around)


SIMPLE = "def f(a, b):\n    try:\n        a.x = b\n    except ValueError:\n        b = g(a)\n    return b\n"


@pytest.mark.parametrize(
    ("text", "halfwords", "reason"),
    [
        ("bx r4", [0x4770], "`bx lr` has none of the allowed shapes"),
        ("bx r4", [0x4718], "jumps to anything"),
        ("bx r4", [0x4721], "bits set that are to be 0"),
        ("bx r4", [0x4724], "`bxns r4` has none of the allowed shapes"),
        ("blx r3", [0x4799], "is not an instruction"),
        ("blx r3", [0x4798 - 8], "`blx r2` calls anything"),
        ("blx r3", [0xDF00], "svc"),
        ("blx r3", [0xBE00], "bkpt"),
        ("blx r3", [0xB672], "cpsid"),
        ("eors r0, r0", [0xE7FE - 0x700], "leads to 0x"),
        ("eors r0, r0", [0x6001], "stores|allowed shapes"),
        ("eors r0, r0", [0x6041], "stores to the globals of before"),
        ("eors r0, r0", [0x6800], "loads byte 0 of"),
        ("eors r0, r0", [0x4680], "allowed shapes"),  # mov r8, r0
        ("eors r0, r0", [0x4681], "allowed shapes"),  # mov r9, r0
        ("eors r0, r0", [0x46B5], "allowed shapes"),  # mov sp, r6
        ("eors r0, r0", [0xB081], "allowed shapes"),  # sub sp, #4
        ("eors r0, r0", [0xB410], "allowed shapes"),  # push {r4}
        ("eors r0, r0", [0x90FF], "reaches beyond"),  # str r0, [sp, #0x3fc]
        ("movs r0, #5", [0x2008], "number of its locals"),
        ("str r0, [sp, #0xc]", [0x9002], "writes over the buffer of its exception handler"),
    ],
)  # fmt: skip
def test_what_is_no_allowed_shape_is_refused(text, halfwords, reason) -> None:
    code = functions(SIMPLE)[1]
    code.verify()
    with pytest.raises(Refused, match=reason):
        changed(code, text, *halfwords).verify()


def test_the_end_of_a_function_is_not_reached_behind_a_raise() -> None:
    """For None the runtime's function for `raise` returns, so what is raised must be known to be an exception."""
    for good in (
        "raise ValueError('no')",
        "try:\n        x()\n    except OSError as error:\n        raise error\n    return x",
    ):
        functions(f"def f(x):\n    {good}\n")[1].verify()
    with pytest.raises(Refused, match="needs an object: r0 is anything"):
        functions("def f(x):\n    raise x\n")[1].verify()
    with pytest.raises(Refused, match="the qstr of a built-in exception"):
        functions("ValueError = 1\n")[0].verify()


LOOP = "def f(a, b):\n    for x in a:\n        for y in b:\n            x.take(y)\n    return a\n"


@pytest.mark.parametrize(
    ("text", "halfwords", "reason"),
    [
        (
            "str r0, [sp, #0x40]",
            [0x9805, 0x9009],
            "needs an object: r0 is anything",
        ),  # ldr r0, [sp, #0x14]; str r0, [sp, #0x24]
        ("ldr r0, [sp, #0x40]", [0x9810, 0x900E], "calls word 0 of a method and its self with an object"),
    ],
)
def test_words_that_belong_together_are_not_mixed(text, halfwords, reason) -> None:
    """Halves of two iterators would be one of one type with the other's fields; and C believes a method's self."""
    code = functions(LOOP)[1]
    code.verify()
    with pytest.raises(Refused, match=reason):
        changed(code, text, *halfwords).verify()


def test_the_frame_is_given_back_as_it_was_taken() -> None:
    code = functions(SIMPLE)[1]
    leave = next(one for one in decode(code.bytes, START).values() if one.shape == "leave")
    low, given = leave.operands
    for other in (0, given - 8, given + 8, 8):
        with pytest.raises(Refused, match="gives back another frame"):
            changed(code, leave.text, 0xB000 | other // 4).verify()
    assert low == 3


def test_a_large_frame_is_refused() -> None:
    names = [f"a{n}" for n in range(90)]
    text = "def f(x):\n" + "".join(f"    {name} = x.{name}\n" for name in names) + f"    return ({', '.join(names)})\n"
    with pytest.raises(Refused, match="bytes of stack, 352 are allowed"):
        functions(text)[1].verify()


# -- The finished image -------------------------------------------------------

ENTRIES = {
    3: "mp_native_from_obj", 4: "mp_native_to_obj", 5: "mp_native_swap_globals", 6: "mp_load_name",
    7: "quick_load_global", 8: "mp_load_build_class", 9: "load_attr", 10: "quick_load_method", 12: "mp_store_name",
    14: "quick_store_attr",
    15: "quick_subscr", 16: "quick_is_true", 17: "mp_unary_op", 18: "quick_binary_op", 19: "mp_obj_new_tuple",
    20: "mp_obj_new_list", 24: "mp_obj_list_append", 26: "mp_make_function_from_proto_fun",
    27: "mp_native_call_function_n_kw", 28: "quick_call_method", 30: "mp_native_getiter", 31: "mp_native_iternext",
    32: "nlr_push", 33: "nlr_pop", 34: "mp_native_raise", 35: "mp_import_name", 36: "mp_import_from",
    39: "mp_unpack_sequence", 43: "mp_obj_new_closure", 44: "mp_arg_check_num_sig", 45: "mp_setup_code_state_native",
    46: "mp_small_int_floor_divide", 47: "mp_small_int_modulo",
}  # fmt: skip


def test_the_runtimes_table_holds_what_the_verifier_takes_its_entries_for(unwired, kernel_symbols) -> None:
    image = Image(unwired)
    assert set(CALLS) == set(ENTRIES)
    for index, name in ENTRIES.items():
        address = image.word(image.symbols["mp_fun_table"] + 4 * index)
        assert address & 1 == 1
        assert kernel_symbols.at(address & ~1) == name


@pytest.fixture(scope="module")
def verified(unwired) -> Verifier:
    return verify_image(unwired)


def test_all_machine_code_of_a_kernel_is_verified(verified) -> None:
    symbols = verified.image.symbols
    parts = [range(symbols[f"{part}_start"], symbols[f"{part}_end"]) for part in ("_frozen_code", "_wiring_code")]
    inside = [code for code in verified.codes if any(code.start in part for part in parts)]
    assert len(inside) == len(verified.codes) > 50
    assert sum(len(code.bytes) for code in inside) > 0.9 * sum(map(len, parts))


def led_away(code: Code) -> Iterator[Code]:
    """For each branch of a function, the same function with that branch out of it, far behind or before."""
    for at, one in decode(code.bytes, code.start).items():
        if one.shape.startswith("branch"):
            halfword, offset = int.from_bytes(code.bytes[at - code.start :][:2], "little"), at - code.start
            if one.after - at == 4:
                halfword ^= 0x20  # A7.7.12, encodings T3 and T4: 128 KB
            else:
                halfword = halfword & 0xF800 | 0x400 if one.shape == "branch" else halfword & 0xFF00 | 0x80  # T2, T1
                if at + 4 - (2048 if one.shape == "branch" else 256) >= code.start:
                    continue
            new = code.bytes[:offset] + struct.pack("<H", halfword) + code.bytes[offset + 2 :]
            yield Code(code.name, code.start, new, code.around)


def test_no_branch_of_a_kernel_may_leave_its_function_though_no_path_leads_to_it(verified) -> None:
    """Behind a return and a raise there are such."""
    count = 0
    for code in verified.codes:
        for new in led_away(code):
            with pytest.raises(Refused, match="where no instruction of this function begins"):
                new.verify()
            count += 1
    assert count > 1000


def test_bytecode_with_a_number_that_no_function_can_have_is_refused_at_once(verified) -> None:
    """Three more bytes in front of it make an unpacking of two into one of 2^36: so many are not noted."""
    for bytecode in verified.bytecodes:
        for at, one in {one.address - bytecode.start: one for one in bytecode.decode()}.items():
            if 0x10 <= bytecode.bytes[at] < 0x40 and one.name != "load number":
                large = bytecode.bytes[: at + 1] + b"\xff" * 5 + bytecode.bytes[at + 1 :]
                with pytest.raises(Refused, match="which is too large"):
                    Bytecode(large, bytecode.start, bytecode.around, bytecode.prelude).verify()
                break


def refusal(kernel: Path, tmp_path: Path, address: int, new: bytes) -> str:
    """What the build says of a kernel in which these bytes are other ones."""
    data = kernel.read_bytes()
    with kernel.open("rb") as file:
        (at,) = ELFFile(file).address_offsets(address)
    (tmp_path / "kernel.elf").write_bytes(data[:at] + new + data[at + len(new) :])
    command = [sys.executable, "-m", "adder.verify_image", str(tmp_path / "kernel.elf")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_build_names_the_function_the_place_and_the_reason(unwired, tmp_path, verified) -> None:
    code = next(code for code in verified.codes if "LedDriver___init__" in code.name)
    call = next(one for one in decode(code.bytes, code.start).values() if one.shape == "call")
    said = refusal(unwired, tmp_path, call.address, struct.pack("<H", 0x47A8))  # blx r5
    assert said == (
        f"adder: capsules/core/led.py: what 'LedDriver___init__' was compiled to is refused: "
        f"0x{call.address:08x}: `blx r5` calls anything\n"
    )


def test_a_table_that_leads_elsewhere_is_refused(unwired, tmp_path, verified) -> None:
    image = verified.image
    table = image.symbols["const_obj_table_data_capsules_core_led"]
    assert "in a table of objects, is not an object" in refusal(unwired, tmp_path, table, struct.pack("<I", 0x20000006))
    raw = image.symbols["proto_fun_capsules_core_led_LedDriver___init__"]
    assert "no constant of the image" in refusal(unwired, tmp_path, raw + 4, struct.pack("<I", image.word(raw + 4) + 2))
    assert "does not have" in refusal(unwired, tmp_path, raw + 2, b"\x05")  # inline assembly
