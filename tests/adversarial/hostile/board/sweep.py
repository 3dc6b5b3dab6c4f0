# emit: bytecode
"""Not Capsule Python: calls everything that the kernel offers with everything that there is, one wrong thing at a time.

What each function takes is in the module `table`, made from adder/verify/functions.toml; what there is, in the kernel's
own objects. A finding is a call that should have raised an exception and has not.

Command
    1 part   -> success_u32(how many parts there are): one part of the calls
    2        -> success; this process is the one that is ended
    3        -> success; the process of command 2 is ended
    4 part   -> success_u32(how many parts there are): the log gets what was called
    5        -> success; the log gets the findings
"""

import kernel
import mint
from capsules.hostile.table import ROWS, TYPES
from cells import Buffer, TakeCell
from kernel import SUCCESS, Layout, success_u32

DANGEROUS = ("restart", "stop", "resume", "terminate", "fault", "unload")
DEAD_MAY = ("alive", "read_only", "read_write", "readable")


class Instance:
    def method(self, *_):
        pass


def nothing(*_):
    pass


class Attack:
    def __init__(self, powers):
        self.powers = powers
        self.calls = self.raised = 0
        self.findings = []
        self.seen = [[]]  # what was called, 16 names a list: a capsule gets no object of more than 512 bytes
        self.dead = None
        self.process = None
        self.grant = mint.grant(0xBAD002, Layout(upcalls=2, read_write=1, read_only=2, readable=1, u32=2))
        self.spare = mint.grant(0xBAD003, Layout(u32=1))
        mint.serve("swept", self.grant, lambda grant: self.attack)  # so that it may be allowed something
        self.flash = mint.flash("storage")
        self.log = mint.kernel_log()
        self.loader = mint.process_loader()
        self.good, self.source, self.own, self.lent, self.locked, self.moved = [Buffer(64) for _ in range(6)]
        self.void = self.lent
        self.borrowed = self.lent.move(self)
        powers.registers.start_dma("window", self.locked, 48)
        self.field = powers.registers.field(0xF00, 0, 8)
        self.cell = TakeCell(1)
        self.right = {
            "number": 0, "text": "x", "bytes": b"x", "Buffer": self.good, "function": nothing, "anything": 1,
            "Layout": Layout(u32=1), "Grant": self.spare, "InterruptLine": powers.line, "Field": self.field,
            "tuple": (), "list": [],
        }  # fmt: skip
        self.wired()
        self.parts = [
            self.functions_of_kernel, self.on_control, self.on_hardware, self.on_buffers, self.on_cells, self.on_grants,
            self.on_entries, self.on_views,
        ]  # fmt: skip

    # -- What there is ---------------------------------------------------------

    def values(self):
        """Of every kind: its name, its kind, what is special, the object."""
        for number in (0, 1, 5, -1, True, 1 << 29, -(1 << 30), (1 << 30) - 1, 1 << 30, 1 << 31, (1 << 32) - 1, 1 << 32,
                       1 << 64, -(1 << 64), 1 << 255):  # fmt: skip
            yield "number", "", number
        for text in ("", "x", "id", "a" * 200):
            yield "text", "", text
        for text in (b"", b"x" * 50):
            yield "bytes", "", text
        for other in (None, 1.5, {}, {1}, range(3), object(), Instance(), ValueError("x"), kernel,
                      bytearray(8), memoryview(b"abc"), iter(()), NotImplemented):  # fmt: skip
            yield "none" if other is None else type(other).__name__, "", other
        for row in ((), (1, "a")):
            yield "tuple", "", row
        for row in ([], [1]):
            yield "list", "", row
        for function in (nothing, Instance().method, len, kernel.log, self.cell.put, TakeCell, Layout, int):
            yield "function", "", function
        powers = self.powers
        yield "TakeCell", "", TakeCell(1)
        yield "Buffer", "", self.source
        yield "Buffer", "void", self.void
        yield "Buffer", "locked", self.locked
        yield "Grant", "", self.spare
        yield "Grant", "foreign", powers.victim._grant
        yield "Registers", "", powers.registers
        yield "Field", "", self.field
        yield "FieldOperation", "", self.field.set
        yield "InterruptLine", "", powers.line
        yield "InterruptLine", "hardware", powers.hardware
        yield "FlashRange", "", self.flash
        yield "KernelLog", "", self.log
        yield "ProcessControl", "", powers.processes
        yield "ProcessLoader", "", self.loader
        yield "Layout", "", Layout(u32=1)
        yield "CommandReturn", "", SUCCESS
        yield "class", "", kernel.ErrorCode
        if self.process is not None:
            yield "ProcessId", "", self.process
            entry = self.grant.enter(self.process)
            yield "Entry", "", entry
            yield "Entry", "foreign", powers.victim._grant.enter(self.process)
            yield from self.views(entry)
            yield "ProcessId", "dead", self.dead[0]
            yield "Entry", "dead", self.dead[1]
            yield "UserBuffer", "dead", self.dead[2]
            yield "UserBuffer", "dead", self.dead[3]

    def views(self, entry):
        yield "UserBuffer", "", entry.read_write(0)
        yield "UserBuffer", "read-only", entry.read_only(0)
        yield "UserBuffer", "read-only", entry.read_only(1)
        yield "UserBuffer", "", entry.readable(0)

    # -- Calls -----------------------------------------------------------------

    def rows(self, owner):
        return [row for row in ROWS if row[0] == owner]

    def made(self, takes):
        """Arguments that fit, as far as kinds go."""
        right = self.right
        if self.process is not None:
            entry = self.grant.enter(self.process)
            right = dict(right)
            right["ProcessId"] = self.process
            right["UserBuffer"] = entry.read_write(0)
            right["Entry"] = entry
        return [right[kinds.split("?")[0].split(" | ")[0]] for kinds in takes]

    def call(self, label, function, arguments, must_raise, what):
        self.calls += 1
        try:
            result = function(*arguments)
        except Exception:
            self.raised += 1
            self.mend(label)
            return
        if label == "kernel.call_client" and result is False:  # its client's failure
            self.raised += 1
        elif must_raise:
            self.findings.append("%s: %s" % (label, what))
        if label == "buffer.move":
            result.give_back()
        self.mend(label)

    def mend(self, label):
        if label == "buffer.give_back":
            try:
                self.borrowed = self.lent.move(self)
            except RuntimeError:  # it was not given back
                pass
        elif label == "buffer.window":
            self.own.window(0, 64)
            self.borrowed.window(0, 64)
        elif label.startswith("take_cell"):
            self.cell.put(1)
        elif label == "log.notify":  # or the log says nothing from when another line's handler is there
            self.log.notify(self.powers.log_line)
        elif label == "control.on_fault":
            self.powers.processes.on_fault(self.powers.fault_line)

    def note(self, label):
        """It was called."""
        if any(label in some for some in self.seen):
            return
        if len(self.seen[-1]) == 16:
            self.seen.append([])
        self.seen[-1].append(label)

    def everything(self, label, function, takes, right, selfs_state="", writes=None):
        """Each value in the place of each argument, and one argument too few and too many."""
        self.note(label)
        name = label.split(".")[1]
        exact = not any("?" in kinds or "..." in kinds for kinds in takes)
        wrong_self = (
            selfs_state in ("void", "locked")
            or (selfs_state == "dead" and name not in DEAD_MAY and not label.startswith("user_buffer"))
            or (selfs_state == "read-only" and writes == -1)
        )
        if wrong_self:
            self.call(label, function, right, True, "self is " + selfs_state)
        if exact and takes:
            self.call(label, function, right[:-1], True, "an argument is missing")
        if exact:
            self.call(label, function, right + [0], True, "an argument too many")
        for place in range(len(right)):
            kinds = takes[place].split("?")[0].split(" | ")
            for kind, state, value in self.values():
                if self.spared(label, name, place, kind, value):
                    continue
                fits = "anything" in kinds or kind in kinds or ("function" in kinds and callable(value))
                if kind == "Buffer" and state == "locked" and label == "buffer.copy" and place == 1:
                    state = ""  # for reading alone
                bad = not fits or (kinds != ["anything"] and state in ("void", "locked")) or wrong_self
                bad = bad or (state == "read-only" and writes == place)
                bad = bad or (state == "hardware" and name in ("notify", "on_fault"))
                arguments = list(right)
                arguments[place] = value
                self.call(
                    label,
                    function,
                    arguments,
                    bad,
                    "argument %d: %s %s %s" % (place, state, kind, type(value).__name__),
                )

    def spared(self, label, name, place, kind, value):
        """What would end the kernel, or the processes that look on."""
        if label == "control.panic":
            return kind in ("text", "bytes")
        if label.startswith("mint.") and kind == "Grant":  # to serve somebody else's driver is the board's to decide
            return True
        return label.startswith(("control.", "loader.")) and name in DANGEROUS and kind == "number" and 0 <= value < 16

    def methods(self, what, state="", right=None):
        """All methods of an object, as its own table has them; what the other table lacks is a finding."""
        owner = TYPES[type(what).__name__]
        rows = {row[1]: row for row in self.rows(owner)}
        for name in dir(what):
            method = getattr(what, name)
            if not callable(method) or name[:2] == "__":
                continue
            if name not in rows:
                self.findings.append("%s.%s is not in the table" % (owner, name))
                continue
            takes = [kinds for kinds in rows[name][2].split(", ") if kinds]
            try:
                arguments = (right or {}).get(name) or self.made(takes)
            except KeyError as missing:  # of a new kind: the rest is called all the same
                self.findings.append("%s.%s takes a %s: give `right` one" % (owner, name, missing))
                continue
            self.everything(owner + "." + name, method, takes, list(arguments), state, rows[name][3])

    def slots(self, owner, name, function, state="", right=None):
        """What a slot does, by way of the syntax that reaches it."""
        row = [row for row in self.rows(owner) if row[1] == name][0]
        takes = [kinds for kinds in row[2].split(", ") if kinds]
        self.everything(owner + "." + name, function, takes, right or self.made(takes), state, row[3])

    # -- The parts -------------------------------------------------------------

    def wired(self):
        """Before the seal: the module mint, and what is made of classes."""
        powers = self.powers
        right = {
            "flash": ["storage"], "interrupt": ["time", "both"], "registers": ["time"],
            "build": ["x", nothing], "grant": [0xBAD000, Layout()], "serve": ["x", self.spare, nothing, 1],
        }  # fmt: skip
        for owner, name, takes, writes in self.rows("mint"):
            takes = [kinds for kinds in takes.split(", ") if kinds]
            if takes:
                self.everything("mint." + name, getattr(mint, name), takes, right.get(name) or self.made(takes))
        self.slots("layout", "make_new", Layout, "", [0, 0, 0, 0, 0, 0, b""])
        self.slots("buffer", "make_new", Buffer, "", [0])
        for name in dir(mint):
            if name[0] != "_" and callable(getattr(mint, name)):
                self.note("mint." + name)

    def functions_of_kernel(self):
        for name in dir(kernel):
            rows = [row for row in self.rows("kernel") if row[1] == name]
            if rows:
                takes = rows[0][2].split(", ")
                self.everything("kernel." + name, getattr(kernel, name), takes, self.made(takes))
            elif callable(getattr(kernel, name)) and type(getattr(kernel, name)) is not type:
                self.findings.append("kernel.%s is not in the table" % name)

    def on_control(self):
        powers = self.powers
        slot = self.dead[0].slot
        right = {name: [slot] for name in DANGEROUS}
        right.update({"on_fault": [powers.fault_line], "fact": [slot, "id"]})
        self.methods(powers.processes, "", right)
        self.methods(self.loader, "", {"unload": [99]})
        self.methods(self.log, "", {"notify": [powers.log_line]})

    def on_hardware(self):
        powers = self.powers
        self.methods(
            powers.registers, "", {"start_dma": ["copy", self.moved, 0], "end_dma": ["copy"], "field": [0, 0, 8, False]}
        )
        self.methods(powers.line)
        self.methods(powers.hardware)
        powers.hardware.disable()
        powers.line.disable()
        powers.registers.write(0, 0)
        self.slots("register_field", "call", self.field)
        self.slots("field_operation", "call", self.field.set)
        self.methods(self.flash)

    def on_buffers(self):
        self.methods(self.own, "", {"give_back": (), "window": [0, 64], "copy": [0, self.source, 0, 4]})
        self.methods(self.borrowed, "", {"copy": [0, self.source, 0, 4], "window": [0, 64]})
        for buffer, state in ((self.own, ""), (self.void, "void"), (self.locked, "locked")):
            self.subscript("buffer", buffer, state)
            if state:
                self.methods(buffer, state, {"copy": [0, self.source, 0, 4], "window": [0, 64]})
                self.slots("buffer", "unary_op", lambda buffer=buffer: len(buffer), state)

    def subscript(self, owner, what, state):
        def load_or_store(index, *value):
            if not value:
                return what[index]
            what[index] = value[0]

        self.slots(owner, "subscr", load_or_store, state, [0, 7])

    def on_cells(self):
        self.methods(self.cell)
        self.slots("take_cell", "make_new", TakeCell)

    def on_grants(self):
        self.methods(self.grant)
        self.methods(self.powers.victim._grant)

    def on_entries(self):
        for entry, state in ((self.grant.enter(self.process), ""), (self.dead[1], "dead")):
            self.methods(entry, state)
            self.subscript("entry", entry, state)

    def on_views(self):
        entry = self.grant.enter(self.process)
        for _, state, view in self.views(entry):
            self.methods(view, state)
            self.subscript("user_buffer", view, state)
        for view, state in ((self.dead[2], "dead"), (self.dead[3], "read-only")):
            self.methods(view, state)
            if view.read(0, self.good, 0, 64) or len(view) or view:
                self.findings.append("a view of an ended process has bytes")
        if self.dead[2].write(0, self.good, 0, 64) or self.dead[2].write_u32(0, 1):
            self.findings.append("a view of an ended process takes bytes")

    # -- Commands --------------------------------------------------------------

    def attack(self, number, first, second, process):
        if number == 1:
            self.process = process
            try:
                self.parts[first]()
            except Exception as error:
                self.findings.append("part %d ended: %s %s" % (first, type(error).__name__, error))
            return success_u32(len(self.parts))
        if number == 2:
            entry = self.grant.enter(process)
            if self.dead is None:
                self.dead = (process, entry, entry.read_write(0), entry.read_only(0))
            return SUCCESS
        if number == 3:
            self.powers.processes.restart(self.dead[0].slot)
            return SUCCESS
        if number == 4:
            for label in self.seen[first]:
                kernel.log("sweep: called " + label)
            return success_u32(len(self.seen))
        for finding in self.findings[:40]:
            kernel.log("sweep: FINDING " + finding)
        kernel.log("sweep: %d calls, %d raised, %d findings" % (self.calls, self.raised, len(self.findings)))
        return SUCCESS
