"""C that Python reaches never recurses without a look at the stack, and takes at most so much of it.

The call graph comes from the finished kernel's machine code: direct calls, and for calls through a pointer what the
slots and tables of the image hold there. Without the functions that look at the stack (mp_cstack_check), it has no
cycle but those listed here, each with what ends it.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adder.board import ROOT
from adder.verify.functions import FUNCTIONS
from adder.verify_image.machine import LARGEST_FRAME

THROUGH = {
    "mp_unary_op": "unary_op",
    "mp_obj_is_true": "unary_op",
    "mp_obj_len_maybe": "unary_op",
    "mp_binary_op": "binary_op",
    "mp_obj_equal_not_equal": "binary_op",
    "mp_call_function_n_kw": "call",
    "mp_obj_subscr": "subscr",
    "mp_getiter": "iter",
    "mp_iternext": "iter",
    "mp_iternext_allow_raise": "iter",
    "take_cell_map_or_else": "apply, which it calls first, has looked",
    "mp_obj_tuple_unary_op": "nobody asks for a hash (CP005), and there are no dictionaries (CP002)",
    "mp_obj_is_subclass_fast": "the built-in exceptions have at most four bases above each other",
    "mp_map_rehash": "what it inserts into is large enough",
    "mp_obj_int_binary_op_extra_cases": "the second time with the operands swapped: the other is no integer",
    "polymorph_it_iternext": "iter",
    "mp_load_method_maybe": "attr",
    "mp_store_attr": "attr",
    "mp_obj_print_helper": "print",
    "mp_get_buffer": "buffer",
    "type_call": "make_new",
}
"""Which slot a function calls through a pointer."""

BUILTINS = (
    "fun_builtin_0_call",
    "fun_builtin_1_call",
    "fun_builtin_2_call",
    "fun_builtin_3_call",
    "fun_builtin_var_call",
)
"""These call the function of a table."""

LOOKS = {"__wrap_mp_cstack_check", "mp_raise_recursion_depth"}

RAISING = (
    "mp_raise_",
    "m_malloc_fail",
    "nlr_jump",
    "__wrap_nlr_jump",
    "mp_handle_pending",
    "mp_native_raise",
    "bad_implicit_conversion",
)
"""These do not come back, and call nothing of Python's."""

ENDS = {
    "mp_call_function_1_protected": "of a finaliser: no class of Capsule Python has __del__ (CP009)",
    "mp_builtin_min_max": "there is no key (CP006)",
    "take_cell_map_or_else": "apply, which it calls first, has looked",
    "mp_obj_tuple_unary_op": "nobody asks for a hash (CP005), and there are no dictionaries (CP002)",
    "mp_obj_is_subclass_fast": "the built-in exceptions have at most four bases above each other",
    "mp_map_rehash": "what it inserts into is large enough",
    "mp_obj_int_binary_op_extra_cases": "the second time with the operands swapped: the other is no integer",
    "polymorph_it_iternext": "it calls the iterator of a list or tuple",
    "bool_binary_op": "it goes on with a small integer",
    "bool_unary_op": "it goes on with a small integer",
    "mp_obj_equal_not_equal": "the second time with the operands swapped",
    "closure_call": "a closure is made of a function, which looks",
    "mp_obj_closure_attr": "a closure is made of a function",
    "bound_meth_call": "a method is bound to a function, which looks or is built in",
    "bound_meth_attr": "a method is bound to a function",
    "mp_load_method_maybe": "an instance's class is a type, whose lookup ends",
    "mp_obj_class_lookup": "there are no bases in Capsule Python (CP014)",
    "mp_obj_instance_make_new": "there are no bases in Capsule Python (CP014)",
    "mp_obj_instance_call": "no class of Capsule Python has __call__ (CP009)",
    "instance_unary_op": "no class of Capsule Python has such methods (CP009)",
    "instance_binary_op": "no class of Capsule Python has such methods (CP009)",
    "instance_print": "no class of Capsule Python has such methods (CP009)",
    "instance_subscr": "no class of Capsule Python has such methods (CP009)",
    "mp_obj_instance_getiter": "no class of Capsule Python has such methods (CP009)",
    "mp_obj_instance_attr": "no class of Capsule Python has such methods (CP009)",
    "instance_get_buffer": "there are no bases in Capsule Python (CP014)",
    "it_iternext": "no class of Capsule Python has __getitem__ (CP009)",
    "mp_convert_member_lookup": "there are no properties in Capsule Python (CP015)",
}
"""A function that ends each cycle in which it is."""


NEVER = (
    "mp_obj_float_binary_op", "mp_obj_complex_binary_op", "mp_obj_new_int_from_float", "mp_obj_get_float_maybe",
    "mp_obj_get_complex_maybe", "mpz_as_float", "mp_print_float", "mp_import_name", "mp_import_from",
    "mp_load_build_class",
)  # fmt: skip
"""What the same C does with floats, which the kernel's Python has not, or while the board is imported."""

ONCE = (
    "take_cell_map_or_else",
    "mp_builtin_min_max",
    "polymorph_it_iternext",
    "closure_call",
    "bound_meth_call",
    "mp_map_rehash",
)
"""Of those that end a cycle, the ones that are called all the same, once."""

COMPARING = "mp_binary_op, and a slot that compares"

MARGIN = 1024
"""port/mpconfigport.h: MICROPY_STACK_CHECK_MARGIN."""


def disassembly(kernel: Path) -> str:
    """The kernel's machine code, as objdump shows it."""
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(kernel)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def frames(shown: str) -> dict[str, int]:
    """How many bytes of the stack each function takes for itself."""
    taken: dict[str, int] = defaultdict(int)
    taken[COMPARING] = 256  # more than the frames of mp_binary_op and of any slot
    name = ""
    for line in shown.splitlines():
        if (head := re.match(r"[0-9a-f]+ <([^>]+)>:", line)) is not None:
            name = head[1].split(".")[0]
        elif (pushed := re.search(r"\t(?:push|stmdb)(?:\.w)?\t(?:sp!, )?\{(.*)\}", line)) is not None:
            for part in pushed[1].split(", "):
                first, _, last = part.partition("-")
                taken[name] += 4 * (int(last[1:]) - int(first[1:]) + 1 if last else 1)
        elif (lowered := re.search(r"\tsub(?:\.w|w)?\tsp, (?:sp, )?#(\d+)", line)) is not None:
            taken[name] += int(lowered[1])
        elif "\tvpush\t" in line:
            taken[name] += 64
    return taken


def deepest(graph: dict[str, set[str]], frame: dict[str, int]) -> dict[str, int]:
    """How many bytes each function takes with all that it calls, up to a function that looks at the stack."""
    looking = {name for name, to in graph.items() if to & LOOKS}
    found: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in found:
            found[name] = frame.get(name, 0)
            calls = graph.get(name, set()) - {"*", *NEVER, *(end for end in ENDS if end not in ONCE)}
            found[name] += max((frame.get(to, 0) if to in looking else depth(to) for to in sorted(calls)), default=0)
        return found[name]

    for name in sorted(graph):
        depth(name)
    return found


def calls(kernel: Path) -> dict[str, set[str]]:
    """Who calls whom by name, and `*` for a pointer."""
    shown = disassembly(kernel)
    graph: dict[str, set[str]] = defaultdict(set)
    name = ""
    for line in shown.splitlines():
        if (head := re.match(r"[0-9a-f]+ <([^>]+)>:", line)) is not None:
            name = head[1].split(".")[0]
        elif (to := re.search(r"\t(bl?)(?:\.w|\.n)?\t.*<([^>+]+)>", line)) is not None:
            if to[1] == "bl" or to[2].split(".")[0] != name:  # otherwise it is a loop
                graph[name].add(to[2].split(".")[0])
        elif re.search(r"\tblx\tr|\tbx\tr[0-9]|\tbx\t(ip|fp|sl)", line):
            graph[name].add("*")
    return graph


def rows_of(group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a group of the table that capsules reach."""
    for owner, inner in FUNCTIONS[group].items():
        for name, row in {owner: inner}.items() if "c" in inner else inner.items():
            if "reach" not in row:
                yield name, row


def listed(group: str) -> Iterator[tuple[str, str]]:
    """Their names and functions."""
    yield from ((name, row["c"]) for name, row in rows_of(group))


def whole_graph(kernel: Path) -> dict[str, set[str]]:
    """The graph, with what pointers lead to."""
    graph = calls(kernel)

    def in_image(c: str) -> str:
        wrapper = f"__wrap_{c}"
        return wrapper if wrapper in graph else c

    tables = {in_image(c) for group in ("methods", "functions", "builtins") for _, c in listed(group)}
    for name in BUILTINS:
        graph[name] |= tables
    for name, slot in THROUGH.items():
        assert name in graph, f"{name} is gone: who calls the slot {slot} now?"
        graph[name] |= {in_image(c) for other, c in listed("slots") if other == slot}
    for name, to in graph.items():
        if name.startswith(RAISING):
            to.clear()
    graph["mp_builtin_min_max"].discard("mp_binary_op")  # for comparing alone, which formats nothing
    graph["mp_builtin_min_max"].add(COMPARING)
    graph[COMPARING] = {"mp_seq_cmp_bytes", "__wrap_mp_seq_cmp_objs", "mpz_cmp"}
    return graph


def cycles(graph: dict[str, set[str]], roots: set[str]) -> list[set[str]]:
    """The strongly connected parts with more than one function, or one that calls itself (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    parts: list[set[str]] = []
    for root in sorted(roots):
        if root in index:
            continue
        work = [(root, iter(sorted(graph.get(root, ()))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            name, rest = work[-1]
            for to in rest:
                if to not in graph:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    work.append((to, iter(sorted(graph[to]))))
                    break
                if to in stack:
                    low[name] = min(low[name], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    part = set()
                    while not part or name not in part:
                        part.add(stack.pop())
                    if len(part) > 1 or name in graph[name]:
                        parts.append(part)
    return parts


@pytest.fixture(scope="module")
def graph(kernel: Path) -> dict[str, set[str]]:
    return whole_graph(kernel)


def test_the_call_graph_has_what_it_is_about(graph: dict[str, set[str]]) -> None:
    assert "take_cell_map" in graph["fun_builtin_2_call"]
    assert "fun_bc_call" in graph["mp_call_function_n_kw"]
    assert LOOKS & graph["fun_bc_call"]
    assert len(graph) > 1000


def test_no_cycle_is_without_a_look_at_the_stack(graph: dict[str, set[str]]) -> None:
    looking = {name for name, to in graph.items() if to & LOOKS}
    left = {name: to - looking - set(ENDS) for name, to in graph.items() if name not in looking | set(ENDS)}
    roots = {to for name in (*THROUGH, *BUILTINS) for to in graph[name] | {name}} & set(left)
    found = cycles(left, roots)
    assert not found, "\n".join(", ".join(sorted(part)) for part in found)


@pytest.mark.parametrize("board", ["qemu", "nrf52840"])
def test_no_function_takes_more_of_the_stack_than_the_table_says(board: str) -> None:
    kernel = ROOT / "build" / board / "kernel.elf"
    depth = deepest(whole_graph(kernel), frames(disassembly(kernel)))
    over = {}
    for group in ("builtins", "methods", "functions", "slots", "runtime"):
        for _, row in rows_of(group):
            taken = max(depth.get(row["c"], 0), depth.get(f"__wrap_{row['c']}", 0))
            if taken > row["stack"]:
                over[row["c"]] = f"{row['c']} takes {taken}, the table says {row['stack']}"
    assert not over, "\n".join(over.values())


def test_what_machine_code_calls_fits_into_the_margin_with_its_frame() -> None:
    """The look at the stack is before the frame."""
    for name, row in rows_of("runtime"):
        assert row["stack"] + LARGEST_FRAME <= MARGIN, name
    header = (ROOT / "firmware" / "port" / "mpconfigport.h").read_text()
    assert f"MICROPY_STACK_CHECK_MARGIN ({MARGIN})" in header


def test_without_the_looks_there_would_be_cycles(graph: dict[str, set[str]]) -> None:
    roots = set(BUILTINS)
    assert any({"mp_call_function_n_kw", "apply"} <= part or "take_cell_map" in part for part in cycles(graph, roots))
