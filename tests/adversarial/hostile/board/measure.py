# emit: bytecode
"""Not Capsule Python: measures how long each function in C takes with the largest arguments that can be made.

A timer counts; what counts is the shortest of three runs, so that neither a collection nor an interrupt is in it. What
a board makes while it is wired is larger than what a capsule can make, and so is in `prepare`.

Command
    1 part   -> success_u32(how many parts there are): one part of the measurements
    2        -> success; this process may be ended
    3        -> success; what is ended in pieces runs, once
    4 part   -> success_u32(how many parts there are): the log gets the longest of each function, in ticks
"""

import kernel
import mint
from capsules.hostile.table import ROWS, TYPES
from cells import Buffer, TakeCell
from kernel import SUCCESS, Layout, success_u32

RUNS = 3
MASK = (1 << 29) - 1
WIDE = (1 << 255) + 12345


class Instance:
    def __init__(self):
        for name in dir(kernel) + dir(mint):  # names that exist: a new one would be kept for ever
            setattr(self, name, 1)

    def method(self, *_):
        pass


class Empty:
    pass


class Large:
    """Of the board's making."""


def prepare(powers):
    """Called by the board itself."""
    large = Large()
    large.text, large.bytes = "a" * 4080, b"a" * 4080
    large.hay, large.hay_bytes = "a" * 1039, b"a" * 1039
    large.list, large.tuple = [None] * 1000, (None,) * 1000
    large.words = ["a"] * 1000
    powers.large = large


def nothing(*_):
    pass


class Attack:
    def __init__(self, powers):
        self.powers = powers
        clock = mint.registers("sleep")
        clock.write(8, 0xFFFFFFFF)
        clock.write(0, 1)
        self.now = clock.field(4, 0, 29)
        self.longest = {}
        self.more = {}
        self.flash = mint.flash("storage")
        self.log = mint.kernel_log()
        self.loader = mint.process_loader()
        self.grant = mint.grant(0xBAD002, Layout(upcalls=2, read_write=1, read_only=2, readable=1, u32=2))
        mint.serve("measured", self.grant, lambda grant: self.attack)
        self.big, self.other = Buffer(4096), Buffer(4096)
        self.lent = Buffer(64)
        self.cell = TakeCell(1)
        self.field = powers.registers.field(0xF00, 0, 8)
        self.later = kernel.deferred(self.raise_one)
        self.process = None
        self.parts = [
            self.on_builtins, self.on_numbers, self.on_texts, self.on_bytes, self.on_lists, self.on_tuples, self.on_others,
            self.on_formats, self.on_methods_of_types, self.on_kernel, self.on_log, self.on_log_of_process,
            self.on_control, self.on_hardware, self.on_cells, self.on_views, self.on_runtime, self.on_loader,
        ]  # fmt: skip

    def measure(self, label, function, *arguments):
        """The shortest of some runs."""
        best = MASK
        for _ in range(RUNS):
            before = self.now()
            try:
                function(*arguments)
            except Exception:
                pass
            took = (before - self.now()) & MASK
            if took < best:
                best = took
        # A dictionary of all would be too large an object.
        table = self.longest if len(label) % 2 else self.more
        table = table.setdefault(label[:3], {})
        if best > table.get(label, 0):
            table[label] = best

    # -- Values ----------------------------------------------------------------

    def numbers(self):
        return [0, 7, -1, (1 << 29) - 1, 1 << 31, WIDE, -WIDE, (1 << 128) - 1]

    def wide(self):
        return [WIDE * WIDE, -(WIDE * WIDE)]

    def texts(self):
        large = self.powers.large
        return ["", "a", "a" * 510, "a" * 509 + "b", large.text, large.hay, large.hay] + [
            "a" * n + "b" for n in (1, 14, 15, 32, 33, 127, 255)
        ]

    def byteses(self):
        large = self.powers.large
        return [b"", b"a", b"a" * 510, b"a" * 509 + b"b", large.bytes, large.hay_bytes, large.hay_bytes] + [
            b"a" * n + b"b" for n in (1, 15, 33, 127)
        ]

    def lists(self):
        large = self.powers.large
        return [[], [1], [None] * 127, [0] * 126 + [1], ["a" * 510], ["a"] * 127, large.list, large.words, [WIDE] * 127]

    def tuples(self):
        large = self.powers.large
        deep = ()
        for _ in range(6):
            deep = (deep, 1)
        return [(), (1,), (None,) * 126, (0,) * 125 + (1,), ("a" * 510,), ("a",) * 126, large.tuple, deep]

    def others(self):
        return [None, True, nothing, Instance().method, Empty(), ValueError("x", 1), self.cell, self.big, len]

    def everything(self):
        return (
            self.numbers()
            + self.texts()[:6]
            + self.byteses()[:4]
            + self.lists()[:7]
            + self.tuples()[:7]
            + self.others()
        )

    # -- Parts -----------------------------------------------------------------

    def on_builtins(self):
        for value in self.everything() + self.wide() + ["7" * 160, "7" * 161, " " * 500 + "7", "0" * 500]:
            for name, function in (
                ("abs", abs),
                ("chr", chr),
                ("len", len),
                ("ord", ord),
                ("bool", bool),
                ("int", int),
            ):
                self.measure("builtins." + name, function, value)
        for values in ([WIDE] * 12, ["a" * 510] * 12, [(1,) * 30] * 12, [1, "a"]):
            self.measure("builtins.max", max, *values)
            self.measure("builtins.min", min, *values)
        for values in ((None,) * 32, [None] * 127):
            self.measure("builtins.tuple", tuple, values)
        for values in ((1 << 29,), (0, 1 << 29, 7), (WIDE,)):
            self.measure("builtins.range", range, *values)
            self.measure("range.make_new", range, *values)

    def operators(self, owner, values, others):
        operations = (
            lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x // y, lambda x, y: x % y,
            lambda x, y: x << y, lambda x, y: x >> y, lambda x, y: x & y, lambda x, y: x | y, lambda x, y: x ^ y,
            lambda x, y: x == y, lambda x, y: x < y, lambda x, y: x <= y, lambda x, y: x != y,
        )  # fmt: skip
        label = owner + ".binary_op"
        for x in values:
            for y in others:
                for operation in operations:
                    if owner in ("str", "bytes", "list", "tuple") and operation in (operations[2], operations[4]):
                        continue  # CP020
                    self.measure(label, operation, x, y)
                if owner not in ("list", "tuple"):
                    self.measure(label, lambda x, y: y in x, x, y)
            if owner in ("list", "tuple"):
                for y in (1, WIDE, "a" * 510, "a" * 509 + "b", (1,) * 100, None):
                    if not (isinstance(y, str) and len(y) > 1 and len(x) > 1):  # a time-out ends it at each element
                        self.measure("runtime.quick_binary_op", lambda x, y: y in x, x, y)
            for operation in (lambda x: -x, lambda x: ~x, lambda x: not x, lambda x: len(x), lambda x: abs(x)):
                self.measure(owner + ".unary_op", operation, x)
            self.measure(owner + ".print", lambda x: f"{x}", x)
            self.measure(owner + ".print", lambda x: "%s" % (x,), x)
            for index in (0, 1, -1, len(x) - 1 if owner not in ("int", "bool") else 0, WIDE):
                self.measure(owner + ".subscr", lambda x, index: x[index], x, index)
            self.measure(owner + ".iter", self.unpack, x)
            self.measure("runtime.mp_unpack_sequence", self.unpack, x)
            self.measure(owner + ".buffer", int, x)
            self.measure("runtime.quick_is_true", lambda x: 1 if x else 2, x)

    def unpack(self, x):
        a, b, c = x

    def on_numbers(self):
        values = self.numbers() + self.wide()
        self.operators("int", values, values + ["a", None])
        for value in values:
            for text in (
                lambda x: "%d" % x,
                lambda x: "%x" % x,
                lambda x: "%-99d" % x,
                lambda x: f"{x:08x}",
                lambda x: f"{x:b}",
            ):
                self.measure("int.print", text, value)
        for value in ("7" * 160, True, WIDE, b"123"):
            self.measure("int.make_new", int, value)
        for value in (True, False):
            self.operators("bool", [value], self.numbers())
            self.measure("bool.make_new", bool, "a" * 510)

    def on_texts(self):
        self.operators("str", self.texts(), self.texts()[:9])

    def on_bytes(self):
        self.operators("bytes", self.byteses(), self.byteses()[:8])

    def on_lists(self):
        self.operators("list", self.lists(), self.lists())
        for values in self.lists():
            self.measure("list.subscr", lambda x: x.__setitem__(0, 1) if False else self.store(x), values)

    def store(self, x):
        x[0] = x[0]

    def on_tuples(self):
        self.operators("tuple", self.tuples(), self.tuples())
        self.measure("tuple.make_new", tuple, [1] * 126)
        self.measure("list.make_new", "".join, "a" * 120)
        self.measure("list.make_new", "".join, "a" * 500)

    def on_others(self):
        for owner, value in (("NoneType", None), ("singleton", NotImplemented), ("bound_meth", Instance().method),
                             ("fun_bc", nothing), ("instance", Empty()), ("exception", ValueError(*["a" * 40] * 12)),
                             ("type", Empty), ("closure", lambda: self), ("interrupt_line", self.powers.line)):  # fmt: skip
            self.measure(owner + ".print", lambda x: f"{x}", value)
            self.measure(owner + ".unary_op", lambda x: not x, value)
            self.measure(owner + ".binary_op", lambda x, y: x == y, value, value)
            self.measure(owner + ".binary_op", lambda x, y: x + y, value, 1)
            self.measure(owner + ".subscr", lambda x: x[0], value)
            self.measure(owner + ".iter", self.unpack, value)
            self.measure(owner + ".buffer", int, value)
            self.measure(owner + ".attr", lambda x: x.no_such_name, value)
            self.measure(owner + ".call", value if callable(value) else nothing, 1)
        self.measure("instance.attr", lambda x: x.process_control, Instance())
        self.measure("instance.attr", lambda x: x.no_such_name, Instance())
        self.measure("instance.make_new", Empty)
        self.measure("instance.call", lambda x: x(), Empty())
        self.measure("exception.make_new", ValueError, *["a" * 40] * 12)
        self.measure("exception.attr", lambda x: x.no_such_name, ValueError("x"))
        self.measure("object.make_new", object)
        for owner in ("range", "range_it"):
            self.measure(owner + ".iter", self.unpack, range(3))
        for owner in ("polymorph_iter", "it"):
            self.measure(owner + ".iter", self.unpack, "abc")
        self.measure("module.attr", lambda x: x.no_such_name, kernel)
        self.measure("type.call", Layout)
        self.measure("type.attr", lambda x: x.no_such_name, kernel.ErrorCode)
        for owner in ("fun_builtin_0", "fun_builtin_1", "fun_builtin_2", "fun_builtin_3", "fun_builtin_var"):
            self.measure(owner + ".call", len, 1, 2, 3)
        self.measure("fun_builtin_var.call", max, *[1] * 12)
        for owner in ("fun_native", "fun_viper", "fun_bc"):
            self.measure(owner + ".call", self.powers.victim.plus, 1, 2)
            self.measure(owner + ".print", lambda x: f"{x}", self.powers.victim.plus)
            self.measure(owner + ".attr", lambda x: x.no_such_name, nothing)

    def on_formats(self):
        texts, wide = self.texts(), self.wide()[0]
        for value in self.everything() + self.wide():
            for text in (
                lambda x: "%99s" % (x,),
                lambda x: f"{x:>99}",
                lambda x: f"{x:099d}",
                lambda x: f"{x}{x}{x}{x}{x}{x}",
            ):
                self.measure("str.format", text, value)

    def on_methods_of_types(self):
        for owner, texts in (("str", self.texts()), ("bytes", self.byteses())):
            empty = texts[0]
            for x in texts:
                for y in texts[:10]:
                    self.measure(owner + ".find", x.find, y)
                    self.measure(owner + ".replace", x.replace, y, empty)
                    self.measure(owner + ".replace", x.replace, y, texts[1])
                self.measure(owner + ".replace", x.replace, texts[1], texts[1] + texts[1])
                self.measure(owner + ".replace", x.replace, empty, texts[1])
                for parts in (
                    [x] * 120,
                    [texts[1]] * 127,
                    [empty] * 127,
                    (empty,) * 120,
                    self.powers.large.words,
                    self.powers.large.list,
                    x,
                ):
                    self.measure(owner + ".join", x.join, parts)
                    self.measure(owner + ".join", empty.join, parts)
        for values in self.lists():
            copy = values
            self.measure("list.append", copy.append, 1)
            self.measure("list.copy", copy.copy)
            self.measure("list.pop", copy.pop)
            self.measure("list.pop", copy.pop, 0)
            self.measure("list.clear", values.copy().clear if len(values) < 128 else [].clear)
        full = [None] * 100
        for _ in range(27):
            self.measure("list.append", full.append, 1)

    def rows(self, what):
        owner = TYPES[type(what).__name__]
        for row in ROWS:
            if row[0] == owner and hasattr(what, row[1]):
                yield owner + "." + row[1], getattr(what, row[1]), [kinds for kinds in row[2].split(", ") if kinds]

    def fitting(self, kinds, slot):
        kind = kinds.split("?")[0].split(" | ")[0]
        if kind == "number":
            return [slot, 0, 4096, 1 << 31]
        if kind == "text":
            return ["copy", "id", "a" * 510]
        if kind == "Buffer":
            return [self.big, self.other]
        if kind == "UserBuffer":
            return [self.entry().read_write(0), self.entry().read_only(0)]
        if kind == "ProcessId":
            return [self.process]
        if kind == "InterruptLine":
            return [self.powers.line]
        if kind == "function":
            return [nothing]
        return [1, self.others]

    def entry(self):
        return self.grant.enter(self.process)

    def methods(self, what, slot=0, without=(), length=None):
        """All methods, with all that fits."""
        for label, method, takes in self.rows(what):
            if label.split(".")[1] in without:
                continue
            if length:
                takes = takes[:length]
            arguments = [[]]
            for kinds in takes:
                arguments = [before + [value] for before in arguments[:24] for value in self.fitting(kinds, slot)]
            for row in arguments[:40]:
                self.measure(label, method, *row)

    def on_kernel(self):
        for text in ("a" * 510, "a"):  # the console has to show it all
            self.measure("kernel.log", kernel.log, text)
            self.measure("kernel.log_u32", kernel.log_u32, text, WIDE, WIDE)
        for value in self.numbers() + self.wide():
            self.measure("kernel.success_u32", kernel.success_u32, value)
            self.measure("kernel.success_u32_shifted", kernel.success_u32_shifted, value, value)
            self.measure("kernel.success_u32_u32", kernel.success_u32_u32, value, value)
            self.measure("kernel.success_u64", kernel.success_u64, value, value)
        self.measure("kernel.sha256", kernel.sha256, self.big, 0, 64)
        self.measure("kernel.call_client", kernel.call_client, nothing, 1, 2, 3)
        self.measure("kernel.callback", kernel.callback, self.raise_one)
        self.measure("kernel.shared", kernel.shared, self.raise_one)
        self.measure("kernel.deferred", kernel.deferred, self.raise_one)
        self.measure("shared.call", kernel.shared(self.raise_one))
        self.measure("deferred.call", self.later)
        self.measure("layout.make_new", Layout, 32, 32, 1, 1, 32)
        self.measure("process_id.attr", lambda x: x.write_id, self.process)
        self.measure("process_id.attr", lambda x: x.no_such_name, self.process)

    def on_log(self):
        # What takes longest is first: there is room for some lines only, and a byte that is lost takes less.
        for text, value, places in (("a" * 510, 0, 1 << 29), ("a" * 510, 0, 0), ("a", -1 << 31, 10), ("a", WIDE, -1)):
            self.measure("kernel.log_number", kernel.log_number, text, value, places)

    def on_log_of_process(self):
        for what in ("name", "state", "ram_end", 0, 16, 99, "no such fact"):
            self.measure(
                "control.log", self.powers.processes.log, self.mortal.slot, "a" * (510 if what == "name" else 1), what
            )

    def on_control(self):
        mortal = self.mortal.slot
        self.methods(
            self.powers.processes,
            mortal,
            ("log", "panic", "restart", "terminate", "fault", "stop", "resume", "on_fault"),
        )
        self.measure("control.on_fault", self.powers.processes.on_fault, self.powers.fault_line)
        for name in ("stop", "resume", "fault", "restart", "terminate"):
            self.measure("control." + name, getattr(self.powers.processes, name), mortal)
        self.measure("log.take", self.log.take, self.big)
        self.measure("log.notify", self.log.notify, self.powers.log_line)

    def on_loader(self):
        """Last: the mortal is another one afterwards."""
        slot = self.mortal.slot
        offset = self.powers.processes.fact(slot, "flash_start") - 0x21000000
        self.measure("loader.load", self.loader.load, 0)
        self.measure("loader.load", self.loader.load, 2)
        self.measure("loader.load", self.loader.load, WIDE)
        self.measure("loader.unload", self.loader.unload, slot)
        self.measure("loader.unload", self.loader.unload, 99)
        self.measure("loader.load", self.loader.load, offset)
        self.measure("loader.find", self.loader.find, offset)
        self.measure("loader.find", self.loader.find, 1)
        self.measure("loader.take_over", self.loader.take_over)

    def on_hardware(self):
        self.methods(self.powers.registers, 0, ("start_dma",))
        self.measure("registers.start_dma", self.powers.registers.start_dma, "copy", self.lent, 64)
        self.measure("registers.start_dma", self.powers.registers.start_dma, "no such channel", self.lent, 64)
        self.methods(self.powers.line)
        self.powers.line.disable()
        self.measure("register_field.call", self.field)
        self.measure("register_field.call", self.field, WIDE)
        self.measure("register_field.attr", lambda x: x.set, self.field)
        self.measure("register_field.attr", lambda x: x.no_such_name, self.field)
        self.measure("field_operation.call", self.field.set)
        self.measure("field_operation.call", self.field.read)
        self.methods(self.flash)
        self.measure("flash_range.write", self.flash.write, 0, self.big, 0, 4096)
        self.measure("flash_range.write", self.flash.write, 1, self.big, 0, 4095)
        self.measure("flash_range.erase", self.flash.erase, 0, 0)

    def on_cells(self):
        self.methods(self.cell)
        for name in ("map", "and_then"):
            self.cell.put(1)
            self.measure("take_cell." + name, getattr(self.cell, name), nothing)
        self.measure("take_cell.make_new", TakeCell, 1)
        self.measure("buffer.make_new", Buffer, 4096)
        self.measure("buffer.unary_op", len, self.big)
        self.measure("buffer.subscr", self.store, self.big)
        self.measure("buffer.copy", self.big.copy, 0, self.other, 0, 4096)
        self.measure("buffer.copy", self.big.copy, 1, self.other, 0, 4096)
        self.measure("buffer.copy", self.big.copy, 1, self.big, 0, 4096)
        self.measure("buffer.copy", self.big.copy, 0, self.powers.large.bytes, 3, 4096)
        self.measure("buffer.window", self.other.window, 0, 4096)
        lent = self.other
        for _ in range(8):
            borrower = Empty()
            self.measure("buffer.move", self.other.move, borrower)
            self.measure("buffer.give_back", lambda: self.other.move(1).give_back())
            lent = None

    def on_views(self):
        entry = self.entry()
        self.methods(entry)
        self.measure("entry.subscr", self.store, entry)
        self.methods(self.grant)
        for view in (entry.read_write(0), entry.readable(0)):
            self.methods(view)
            self.measure("user_buffer.read", view.read, 0, self.big, 0, 4096)
            self.measure("user_buffer.write", view.write, 0, self.big, 0, 4096)
            self.measure("user_buffer.write", view.write, 1, self.big, 0, 4095)
            self.measure("user_buffer.unary_op", len, view)
            self.measure("user_buffer.subscr", self.store, view)

    def on_runtime(self):
        self.measure("runtime.load_attr", lambda x: x.process_control, Instance())
        self.measure("runtime.quick_load_method", lambda x: x.method(), Instance())
        self.measure("runtime.quick_store_attr", self.set_many, Empty())
        self.measure("runtime.mp_obj_new_tuple", lambda x: (x, x, x, x, x, x, x, x), 1)
        self.measure("runtime.mp_obj_new_list", lambda x: [x, x, x, x, x, x, x, x], 1)
        self.measure("runtime.mp_obj_list_append", lambda x: [x for _ in (1, 2)], 1)
        self.measure("runtime.mp_native_raise", self.raise_one)

    def set_many(self, x):
        x.one = 1

    def raise_one(self):
        raise ValueError("x")

    # -- In pieces -------------------------------------------------------------

    def pieces(self):
        """What takes long, and what a time-out may end in many places."""
        large = self.powers.large
        long, other = "a" * 510, "a" * 509 + "b"
        wide = -(WIDE * WIDE)
        deep = ()
        for _ in range(40):
            deep = (deep, deep)
        yield "str.replace", lambda: long.replace("a", "")
        yield "str.replace", lambda: long.replace("", "a")
        yield "str.replace", lambda: ("a" * 250).replace("", "a")
        yield "bytes.replace", lambda: (b"a" * 510).replace(b"a", b"")
        yield "bytes.replace", lambda: large.hay_bytes.replace(b"", b"aa")
        yield "bytes.replace", lambda: (b"a" * 250).replace(b"", b"a")
        yield "list.make_new", lambda: "".join(long)
        yield "str.join", lambda: "".join(large.text)
        yield "int.print", lambda: f"{wide}"
        yield "int.print", lambda: "%-99d" % wide
        yield "str.print", lambda: f"{long}{long}"
        yield "bytes.print", lambda: f"{bytes(500)}"
        yield "bytes.print", lambda: f"{large.bytes}"
        yield "bytes.print", lambda: "%s" % (b"'\"" * 60,)
        yield "tuple.print", lambda: f"{(long,) * 100}"
        yield "tuple.print", lambda: f"{large.tuple}"
        yield "tuple.print", lambda: f"{deep}"
        yield "list.print", lambda: f"{large.words}"
        yield "list.print", lambda: f"{[WIDE] * 127}"
        yield "exception.print", lambda: f"{ValueError(*[long] * 12)}"
        yield "exception.print", lambda: f"{ValueError(*['a' * 40] * 12)}"
        yield "str.format", lambda: "%s%s%s" % (large.words, b"a" * 500, WIDE)
        yield "str.format", lambda: "%-99s%-99s%-99s%-99s%-99s%-99s" % ((WIDE,) * 6)
        yield "runtime.quick_binary_op", lambda: other in [long] * 20
        yield "runtime.quick_binary_op", lambda: WIDE in large.list
        yield "runtime.quick_binary_op", lambda: (other,) * 10 in [(long,) * 10] * 20
        yield "list.binary_op", lambda: [long] * 20 == ["a" + "a" * 509] * 20
        yield "tuple.binary_op", lambda: (long,) * 20 == ("a" + "a" * 509,) * 20
        yield "builtins.max", lambda: max(*[(long,) * 5] * 12)
        yield "builtins.min", lambda: min(*[(long,) * 5] * 12)
        yield "runtime.mp_native_raise", self.raise_one

    def run_pieces(self):
        for label, function in self.pieces():
            kernel.success_u32(0)  # where the count begins, and ends
            try:
                function()
            except Exception:
                pass
            kernel.success_u64(0, 0)
            kernel.log("piece: " + label)

    # -- Commands --------------------------------------------------------------

    def attack(self, number, first, second, process):
        if number == 1:
            self.process = process
            try:
                self.parts[first]()
            except Exception as error:
                kernel.log("measure: part %d ended: %s %s" % (first, type(error).__name__, error))
            return success_u32(len(self.parts))
        if number == 2:
            self.mortal = process
            return SUCCESS
        if number == 3:
            self.run_pieces()
            return SUCCESS
        if number == 4:
            groups = sorted(set(list(self.longest.keys()) + list(self.more.keys())))
            for table in (self.longest, self.more):
                for label, took in table.get(groups[first], {}).items():
                    kernel.log("bound: %s %d" % (label, took))
            return success_u32(len(groups))
        return SUCCESS
