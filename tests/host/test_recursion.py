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
    "mp_native_call_function_n_kw": "call",
    "quick_call_method": "call",
    "mp_obj_subscr": "subscr",
    "mp_getiter": "iter",
    "mp_iternext": "iter",
    "mp_iternext_allow_raise": "iter",
    "take_cell_map_or_else": "apply, which it calls first, has looked",
    "mp_obj_tuple_unary_op": "nobody asks for a hash (CP005), and there are no dictionaries (CP002)",
    "mp_obj_is_subclass_fast": "the built-in exceptions have at most four bases above each other",
    "mp_map_rehash": "what it inserts into is large enough",
    "mp_obj_int_binary_op_extra_cases": "the second time with the operands swapped: the other is not an integer",
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
    "mp_obj_int_binary_op_extra_cases": "the second time with the operands swapped: the other is not an integer",
    "polymorph_it_iternext": "it calls the iterator of a list or tuple",
    "bool_binary_op": "it goes on with a small integer",
    "bool_unary_op": "it goes on with a small integer",
    "mp_obj_equal_not_equal": "the second time with the operands swapped",
    "closure_call": "a closure is made of a function, which looks",
    "mp_obj_closure_attr": "a closure is made of a function",
    "bound_meth_call": "a method is bound to a function, which looks or is built in",
    "call_callback": "a method is bound to a function, which looks or is built in",
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
    "mp_load_build_class", "mp_obj_new_set", "mp_obj_set_store",
)  # fmt: skip
"""What the same C does with floats and sets, which Capsule Python has not, or while the board is imported."""

ONCE = (
    "take_cell_map_or_else",
    "mp_builtin_min_max",
    "polymorph_it_iternext",
    "closure_call",
    "bound_meth_call",
    "call_callback",
    "mp_map_rehash",
)
"""Of those that end a cycle, the ones that are called all the same, once."""

COMPARING = "mp_binary_op, and a slot that compares"

PRINTING = ("mp_print_str", "mp_print_strn", "mp_vprintf", "str_print", "uni_print")
"""These print through a pointer, into a text or into the log."""

PRINTED = ("vstr_add_strn", "print_strn")

POINTERS = {
    "mp_execute_bytecode": "its table of jumps; and what it calls at once, else by mp_call_function_n_kw",
    "fun_native_call": "a capsule's machine code, whose frame is counted by itself",
    "fun_viper_call": "a capsule's machine code, whose frame is counted by itself",
    "method_call": "a capsule's machine code, whose frame is counted by itself",
    "bottom_half_acknowledge": "register_field_call, which leads no deeper from here than from a driver",
    "put": "the crash screen, when the kernel is at its end",
    "kernel_log_words": "put, as above",
    "kernel_log_app": "put, as above",
    "mp_obj_gen_resume": "generators, which Capsule Python has not (CP002)",
    "mp_resume": "generators, which Capsule Python has not (CP002)",
    "nlr_call_jump_callbacks": "what an import has put there, while the board is wired",
}
"""Functions that call through a pointer, where it leads to nothing that the graph should have."""

NOT_BELOW = {
    ("nlr_jump", "nlr_jump_fail"): "what a capsule raises is caught, by contain_call at the latest",
    ("mp_obj_exception_make_new", "mp_arg_check_num_sig"): "which always finds the right number",
    ("m_malloc_fail", "python_process_no_memory"): "of a process",
    ("module_attr", "mp_call_function_1"): "no module of Capsule Python has __getattr__ (CP009)",
    ("mp_builtin_min_max", "mp_call_function_1"): "there is no key (CP006)",
    ("mp_obj_str_binary_op", "mp_obj_dict_get"): "there are no dictionaries (CP002)",
    ("mp_map_lookup", "mp_unary_op"): "there are no dictionaries (CP002): what is looked up are names",
    ("control_panic", "kernel_panic"): "the board ends there, as it was asked to",
}
"""Calls that do not come about in the kernel's Python."""

TEXTS = {
    "mp_obj_new_exception_msg_vlist": ("the text of an exception", "exc_add_strn"),  # py/objexcept.c
    "kernel_printf": ("a message of the kernel", "print_strn"),  # kernel/log.c
}
"""Who calls mp_vprintf for one purpose alone, and through which pointer that then prints."""

FUNCTIONS_OF_PYTHON = ("fun_native_call", "fun_viper_call", "fun_bc_call")
"""Of which closures are made; each looks at the stack first."""

INTERRUPTS = {
    "contain_tick": "SysTick, above the kernel; then",
    "irq_entry": "any interrupt, above SysTick, and none above another (arch/cortex_m4/startup.c)",
}
"""What comes on the kernel's stack at any moment, one upon the other."""

STACKED = 26 * 4 + 4
"""An exception's frame with the FPU's registers, which nlr_push saves, and its alignment: ARMv7-M Architecture
Reference Manual, B1.5.7."""

STACKED_WITHOUT_FPU = 8 * 4 + 4
"""Upon a handler that has not used the FPU."""

LEFT = 64
"""Bytes that are to be left at the deepest."""


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
            calls = calls & LOOKS if name in looking else calls
            found[name] += max((frame.get(to, 0) if to in looking else depth(to) for to in sorted(calls)), default=0)
        return found[name]

    for name in sorted(graph):
        depth(name)
    return found


def below_a_look(kernel: Path) -> dict[str, set[str]]:
    """The graph of what may run before the stack is looked at again: raising an exception, too, and what that calls."""
    graph, as_it_is = whole_graph(kernel), calls(kernel)
    for name in graph:
        if name.startswith(RAISING):
            graph[name] = set(as_it_is[name])
    for name, to in NOT_BELOW:
        graph[name].remove(to)
    for name, (text, printed) in TEXTS.items():
        graph[name].remove("mp_vprintf")
        graph[name].add(text)
        graph[text] = {printed}
    graph["closure_call"] = set(FUNCTIONS_OF_PYTHON)
    for name in PRINTING:
        assert "*" in graph[name], name
        graph[name] |= set(PRINTED)
    return graph


class Depth:
    """How deep the stack becomes below each function, until a look at it fails or passes."""

    def __init__(self, graph: dict[str, set[str]], frame: dict[str, int]) -> None:
        self.graph = graph
        self.frame = frame
        for text, _ in TEXTS.values():
            frame[text] = frame["mp_vprintf"] + frame["mp_print_int"] + frame["mp_print_strn"]
        self.looking = {name for name, to in graph.items() if to & LOOKS and name not in LOOKS}
        self.known: dict[tuple[str, bool], tuple[int, str]] = {}
        self.active: list[tuple[str, bool]] = []

    def next(self, name: str, once: bool) -> set[str]:
        """What a function calls before the stack is looked at; with `once`, what ends a cycle may still be called."""
        if name in self.looking:
            return self.graph[name] & LOOKS
        barred = {"*", *NEVER, *(end for end in ENDS if not (once and end in ONCE))}
        return self.graph.get(name, set()) - barred

    def below(self, name: str, once: bool = True) -> int:
        """Bytes of a function with all that it calls."""
        once = once and name not in ONCE
        if (name, once) not in self.known:
            assert (name, once) not in self.active, f"a cycle: {self.active[self.active.index((name, once)) :]}"
            self.active.append((name, once))
            found = [(self.below(to, once), to) for to in sorted(self.next(name, once))]
            self.active.pop()
            most = max(found, default=(0, ""))
            self.known[name, once] = (self.frame.get(name, 0) + most[0], most[1])
        return self.known[name, once][0]

    def chain(self, name: str, once: bool = True) -> str:
        """The deepest way down, for people."""
        once = once and name not in ONCE
        inner = self.known[name, once][1]
        return f"{name} ({self.frame.get(name, 0)})" + (f" > {self.chain(inner, once)}" if inner else "")

    def reached(self, roots: set[str]) -> set[str]:
        """All that these lead to."""
        found: set[str] = set()
        waiting = [(root, True) for root in roots]
        seen = set(waiting)
        while waiting:
            name, once = waiting.pop()
            found.add(name)
            once = once and name not in ONCE
            more = {(to, once) for to in self.next(name, once)} - seen
            seen |= more
            waiting += more
        return found


def margin() -> int:
    """port/mpconfigport.h: what a look at the stack leaves."""
    header = (ROOT / "firmware" / "port" / "mpconfigport.h").read_text()
    found = re.search(r"#define MICROPY_STACK_CHECK_MARGIN \((\d+)\)", header)
    assert found
    return int(found[1])


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


@pytest.mark.parametrize("board", ["qemu", "nrf52840"])
def test_the_deepest_call_below_a_look_at_the_stack_fits_into_its_margin(board: str) -> None:
    """With the largest frame of machine code, an exception raised at the deepest, and all interrupts upon that."""
    kernel = ROOT / "build" / board / "kernel.elf"
    shown = disassembly(kernel)
    depth = Depth(below_a_look(kernel), frames(shown))
    listed_ones = {row["c"] for _, row in rows_of("runtime")}
    called_by_code = (listed_ones | {f"__wrap_{name}" for name in listed_ones}) & depth.graph.keys()
    after_a_look = {to for name in depth.looking for to in depth.graph[name] - {*LOOKS, "*", *NEVER, *ENDS}}
    deepest = max((LARGEST_FRAME + depth.below(name), name) for name in called_by_code)
    deepest = max(deepest, *((depth.below(name), name) for name in after_a_look))
    handlers = [depth.below(name) for name in INTERRUPTS]
    interrupts = STACKED + STACKED_WITHOUT_FPU * (len(handlers) - 1) + sum(handlers)
    free = margin() - deepest[0] - interrupts
    assert free >= LEFT, f"{free} bytes are left below {depth.chain(deepest[1])} and {interrupts} of interrupts"
    reached = depth.reached(called_by_code | after_a_look | INTERRUPTS.keys())
    through = {name for name in reached if "*" in depth.graph.get(name, ())}
    assert not through - {*THROUGH, *BUILTINS, *PRINTING, *POINTERS}, "where do these pointers lead?"
    assert not depth.reached(set(INTERRUPTS)) & using_the_fpu(shown)
    assert "nlr_push" in using_the_fpu(shown)


def using_the_fpu(shown: str) -> set[str]:
    """The functions with an instruction of the FPU."""
    found, name = set(), ""
    for line in shown.splitlines():
        if (head := re.match(r"[0-9a-f]+ <([^>]+)>:", line)) is not None:
            name = head[1].split(".")[0]
        elif re.search(r"\tv[a-z]+", line):
            found.add(name)
    return found


def test_the_deepest_call_is_one_that_raises_an_exception(kernel: Path) -> None:
    """The measure sees what it is about: an exception's text, for which memory is collected, is deepest."""
    depth = Depth(below_a_look(kernel), frames(disassembly(kernel)))
    assert depth.below("mp_binary_op") + LARGEST_FRAME > 1024
    assert "gc_collect" in depth.chain("mp_binary_op")


def test_without_the_looks_there_would_be_cycles(graph: dict[str, set[str]]) -> None:
    roots = set(BUILTINS)
    assert any({"mp_call_function_n_kw", "apply"} <= part or "take_cell_map" in part for part in cycles(graph, roots))
