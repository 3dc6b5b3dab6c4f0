"""Programs in Capsule Python: a module with a few capsules, made from a seed.

A program is mostly right, so that it gets somewhere: what it calls exists, and the kinds of most arguments fit. And in
many places it is not: wrong kinds, extreme numbers, structures that are deep or wide, functions that are long, others'
callbacks. Whether it is Capsule Python at all is not decided here; the verifier is asked.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from board_files import CAPSULES
from tables import EXCEPTIONS, Function, builtins, kernel_functions, methods

T = TypeVar("T")

WRONG = 0.06
"""How often something of another kind stands where a kind is expected."""

DEEPEST = 3
"""Of expressions and of blocks; structures at run time are deeper."""

NUMBERS_OF_NOTE = (
    "0",
    "1",
    "2",
    "3",
    "7",
    "8",
    "31",
    "32",
    "33",
    "63",
    "64",
    "100",
    "255",
    "256",
    "511",
    "512",
    "4095",
    "4096",
    "65535",
    "0xFFFFFF",
    "0x3FFFFFFF",
    "0x40000000",
    "0x7FFFFFFF",
    "0x80000000",
    "0xFFFFFFFF",
    "0x100000000",
    "0x7FFFFFFFFFFFFFFF",
    "0xFFFFFFFFFFFFFFFF",
    "-1",
    "-2",
    "-64",
    "-0x40000000",
    "-0x40000001",
    "-0x80000000",
    "-0x7FFFFFFFFFFFFFFF",
)
TEXTS = (
    '""',
    '"a"',
    '"~"',
    '"%"',
    '"%d"',
    '"%s"',
    '"%s %d"',
    '"%99d"',
    '"%-99x|"',
    '"%.2147483643e"',
    '"%2147483647d"',
    '"%.2147483647f"',
    '"%.2147483643e"',
    '"%*d"',
    '"%(a)s"',
    '"%c"',
    '"{}"',
    '"ab" "ba"',
    '"copy"',
    '"move"',
    '"window"',
    '"id"',
    '"ram_start"',
    '"psp"',
    '"' + "long " * 9 + '"',
)
FORMATS = ('"%.2147483643e"', '"%.2147483647f"', '"%2147483647d"', '"%99s"', '"%s"')
BYTES = ('b""', 'b"a"', 'b"\\x00\\xff"', 'b"' + "bytes " * 9 + '"')
PLAIN_FORMATS = ('"%d"', '"%s"', '"%99s"', '"%-9x|%s"', '"%%%d"', '"%08X%s%s"')
POWERS = {
    "grant": "Grant",
    "registers": "Registers",
    "hardware": "InterruptLine",
    "line": "InterruptLine",
    "alarm": "VirtualAlarm",
    "uart": "UartDevice",
    "flash": "FlashRange",
    "victim": "Victim",
    "processes": "ProcessControl",
    "shared": "TakeCell",
}
SHARED = (
    "self._powers.uart.transmit(self._buffer, 1)",
    "self._powers.uart.transmit(self._buffer, 1)",
    "self._powers.uart.receive(self._buffer, 1)",
    "self._powers.alarm.set_alarm(9)",
    "self._powers.victim.give_back(self._powers.victim.lend(self))",
)
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in")
ARITHMETIC = ("+", "-", "//", "<<", ">>", "|", "^", "&")
ENDS = {"fault", "restart", "resume", "stop", "terminate"}
BASIC = ("number", "text", "bytes", "list", "tuple", "none", "function")

HEAD = '''"""A program that a fuzzer has made.

Driver number 0xF0000

Command
    0 is there -> success
    1 some     -> anything
    2 more     -> anything
    3 others   -> anything
    4 last     -> anything
"""

from typing import Any

from cells import Buffer, TakeCell
from kernel import @KERNEL@
from micropython import const

from capsules.fuzz.powers import Powers

DRIVER_NUM = const(0xF0000)

_FEW = const(5)
_FAR = const(0x3FFFFFFF)
_PAIR = (1, "two")
'''


@dataclass
class Program:
    """What is wired and called."""

    text: str
    words: str
    emit: str


@dataclass
class Scope:
    """The names that a place in a function may read, with their kinds."""

    names: dict[str, str]
    numbers: set[str] = field(default_factory=set)  # of which the verifier knows that they are numbers
    counted: set[str] = field(default_factory=set)  # by a `range` of anything: it had better know that they may be none
    loops: int = 0
    handler: bool = False  # of `except ... as`: no way out of it

    def inner(self) -> "Scope":
        """A block within: what it binds is its own."""
        return Scope(dict(self.names), set(self.numbers), set(self.counted), self.loops, self.handler)


class Maker:
    """Makes one program."""

    def __init__(self, seed: int, long: bool, alone: bool) -> None:
        self.random = random.Random(seed)
        self.methods = {
            kind: kept
            for kind, functions in methods().items()
            if (kept := [one for one in functions if not (alone and kind == "ProcessControl" and one.name in ENDS)])
        }
        self.gives: dict[str, list[tuple[str, Function]]] = {}
        for owner, functions in self.methods.items():
            for function in functions:
                self.gives.setdefault(function.gives, []).append((owner, function))
        self.long = long  # functions of some thousand instructions: for the image, whose emitter has limits of its own
        self.of_all = [(kind, function) for kind, functions in self.methods.items() for function in functions]
        self.of_powers = [(kind, function) for kind, function in self.of_all if kind in POWERS.values()]
        self.lines: list[str] = []
        self.imported = {"SUCCESS", "CommandReturn", "ErrorCode", "ProcessId"}
        self.attributes: dict[str, str] = {}
        self.own: list[Function] = []
        self.locals = 0
        self.left = 0  # statements that the function may still have

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random.random() * len(values))]

    # -- Expressions -----------------------------------------------------------

    def expression(self, kind: str, scope: Scope, depth: int = 0) -> str:
        """Something of this kind, mostly."""
        if self.chance(WRONG):
            kind = self.pick(BASIC) if self.chance(0.7) else self.pick(list(POWERS.values()))
        if kind == "anything" or kind not in _MAKERS:
            known = self.known(kind, scope)
            if kind != "anything" and known:
                return known
            if kind in _GIVEN and self.chance(0.8):
                return f"self._powers.{_GIVEN[kind]}"
            if kind not in ("anything", "CommandReturn") and kind in self.gives and depth < DEEPEST:
                owner, function = self.pick(self.gives[kind])
                return self.method_call(owner, function, scope, depth + 1)
            kind = self.pick(BASIC)
        if depth >= DEEPEST or self.chance(0.45):
            known = self.known(kind, scope)
            if known and self.chance(0.8):
                return known
        return str(_MAKERS[kind](self, scope, depth))

    def known(self, kind: str, scope: Scope) -> str:
        """A local or an attribute of this kind; nothing if there is none."""
        names = [name for name, of in scope.names.items() if of == kind]
        names += [f"self.{name}" for name, of in self.attributes.items() if of == kind]
        return self.pick(names) if names else ""

    def sure_number(self, scope: Scope, depth: int) -> str:
        """What the verifier knows to be a number."""
        if scope.numbers and self.chance(0.5):
            return self.pick(sorted(scope.numbers))
        if self.chance(0.4):
            return f"{self.pick(('int', 'len', 'bool'))}({self.expression(self.pick(BASIC), scope, depth + 1)})"
        return self.pick(NUMBERS_OF_NOTE)

    def make_number(self, scope: Scope, depth: int) -> str:
        if self.chance(0.25):
            return self.pick(("0", "0", "1", "2", "3"))
        if depth >= DEEPEST:
            return self.pick(NUMBERS_OF_NOTE)
        choice = self.random.random()
        if choice < 0.25:
            return self.pick(NUMBERS_OF_NOTE)
        if choice < 0.45:
            left, right = self.expression("number", scope, depth + 1), self.expression("number", scope, depth + 1)
            return f"({left} {self.pick(ARITHMETIC)} {right})"
        if choice < 0.55:
            return f"({self.sure_number(scope, depth)} {self.pick('*%')} {self.sure_number(scope, depth)})"
        if choice < 0.58 and scope.numbers:
            return f"({self.pick(sorted(scope.numbers))} % {self.expression(self.pick(BASIC), scope, depth + 1)})"
        if choice < 0.6 and scope.counted:
            other = (
                self.expression(self.pick(BASIC), scope, depth + 1)
                if self.chance(0.5)
                else self.make_tuple(scope, DEEPEST)
            )
            return f"({self.pick(sorted(scope.counted))} {self.pick('*%%')} {other})"
        if choice < 0.7:
            name, least, most = self.pick(builtins())
            count = self.random.randint(least, min(most, least + 2))
            kind = "number" if name not in ("len", "ord") else self.pick(("text", "bytes", "list", "tuple"))
            return f"{name}({', '.join(self.expression(kind, scope, depth + 1) for _ in range(count))})"
        if choice < 0.8:
            return self.comparison(scope, depth)
        if choice < 0.84:
            return f"({self.pick('-~+')}{self.expression('number', scope, depth + 1)})"
        if choice < 0.88:
            of = self.expression(self.pick(("bytes", "Buffer", "UserBuffer", "Entry")), scope, depth + 1)
            return f"{of}[{self.expression('number', scope, depth + 1)}]"
        if choice < 0.92:
            first, test, second = (self.expression("number", scope, depth + 1) for _ in range(3))
            return f"({first} if {test} else {second})"
        owner, function = self.pick(self.gives["number"])
        return self.method_call(owner, function, scope, depth + 1)

    def comparison(self, scope: Scope, depth: int) -> str:
        kind = self.pick(("number", "number", *BASIC))
        sign = self.pick(COMPARISONS if kind not in ("none", "function") else ("==", "!=", "is", "is not", "in"))
        other = (
            kind if "in" not in sign.split() else kind if kind in ("text", "bytes") else self.pick(("list", "tuple"))
        )
        parts = [self.expression(kind, scope, depth + 1), sign, self.expression(other, scope, depth + 1)]
        if self.chance(0.1):
            parts += [self.pick(COMPARISONS), self.expression(kind, scope, depth + 1)]
        return f"({' '.join(parts)})"

    def truth(self, scope: Scope, depth: int = 0) -> str:
        """A condition."""
        if self.chance(0.25) and depth < DEEPEST:
            return f"({self.truth(scope, depth + 1)} {self.pick(('and', 'or'))} {self.truth(scope, depth + 1)})"
        if self.chance(0.15):
            return f"(not {self.truth(scope, depth + 1)})" if depth < DEEPEST else "True"
        return (
            self.comparison(scope, depth + 1)
            if self.chance(0.6)
            else self.expression(self.pick(BASIC), scope, depth + 1)
        )

    def make_text(self, scope: Scope, depth: int) -> str:
        if depth >= DEEPEST or self.chance(0.35):
            return self.pick(TEXTS)
        choice = self.random.random()
        if choice < 0.25:
            return f"({self.expression('text', scope, depth + 1)} + {self.expression('text', scope, depth + 1)})"
        if choice < 0.5:
            what = (
                self.expression(self.pick(BASIC), scope, depth + 1)
                if self.chance(0.5)
                else self.make_tuple(scope, depth + 1)
            )
            return f"({self.pick(PLAIN_FORMATS)} % {what})"
        if choice < 0.6:
            names = [name for name in scope.names] or ["self"]
            return f'f"{{{self.pick(names)}{self.pick(("", ":d", ":08x", ":>9", ":99b", ":s"))}}} and"'
        if choice < 0.7:
            return f"chr({self.expression('number', scope, depth + 1)})"
        if choice < 0.8:
            return f"{self.expression('text', scope, depth + 1)}[{self.expression('number', scope, depth + 1)}]"
        return self.method_call("text", self.pick(self.methods["text"][1:]), scope, depth + 1)

    def make_bytes(self, scope: Scope, depth: int) -> str:
        if depth >= DEEPEST or self.chance(0.5):
            return self.pick(BYTES)
        if self.chance(0.5):
            return f"({self.expression('bytes', scope, depth + 1)} + {self.expression('bytes', scope, depth + 1)})"
        return self.method_call("bytes", self.pick(self.methods["bytes"][1:]), scope, depth + 1)

    def elements(self, scope: Scope, depth: int) -> list[str]:
        count = self.pick((0, 1, 1, 2, 2, 3, 12)) if depth < DEEPEST else self.pick((0, 1))
        return [self.expression(self.pick(BASIC), scope, depth + 1 + (count > 3)) for _ in range(count)]

    def make_list(self, scope: Scope, depth: int) -> str:
        if self.chance(0.3) and depth < DEEPEST:
            return self.comprehension(scope, depth)
        if self.chance(0.2) and depth < DEEPEST:
            return f"({self.expression('list', scope, depth + 1)} + {self.expression('list', scope, depth + 1)})"
        return f"[{', '.join(self.elements(scope, depth))}]"

    def comprehension(self, scope: Scope, depth: int, of: str = "") -> str:
        within = scope.inner()
        within.names["each"] = "anything"
        if self.chance(0.6):
            sure = self.chance(0.6)
            (within.numbers if sure else within.counted).add("each")
            source = f"range({self.pick(('2', '5', '30', '200', '_FEW')) if sure else self.flat(scope, depth)})"
        else:
            source = self.pick(
                (self.known(self.pick(("list", "tuple", "text", "bytes")), scope) or "(1, 2)", "(1, None)")
            )
        made = of or self.flat(within, depth)
        test = f" if {self.flat(within, depth)}" if self.chance(0.3) else ""
        return f"[{made} for each in {source}{test}]"

    def flat(self, scope: Scope, depth: int) -> str:
        """An expression without a comprehension, of which there may not be one in another."""
        for _ in range(5):
            made = self.expression(self.pick(BASIC), scope, max(depth, DEEPEST - 1))
            if " for " not in made:
                return made
        return "None"

    def make_tuple(self, scope: Scope, depth: int) -> str:
        if self.chance(0.15) and depth < DEEPEST:
            return f"({self.expression('tuple', scope, depth + 1)} + {self.expression('tuple', scope, depth + 1)})"
        if self.chance(0.1) and depth < DEEPEST:
            return f"tuple({self.make_list(scope, DEEPEST)})"
        elements = self.elements(scope, depth)
        return f"({', '.join(elements)}{',' if len(elements) == 1 else ''})"

    def make_small(self, scope: Scope, depth: int) -> str:
        return self.pick("0001123") if self.chance(0.75) else self.make_number(scope, depth)

    def make_none(self, scope: Scope, depth: int) -> str:
        return "None"

    def make_function(self, scope: Scope, depth: int) -> str:
        """Something that can be called: a method of one's own, of a cell, a power, a text."""
        if self.own and self.chance(0.5):
            return f"self.{self.pick(self.own).name}"
        kind = self.pick(list(self.methods))
        return f"{self.make_object(kind, scope, depth)}.{self.pick(self.methods[kind]).name}"

    def make_cell(self, scope: Scope, depth: int) -> str:
        return f"TakeCell({self.expression(self.pick(BASIC), scope, depth + 1) if self.chance(0.8) else ''})"

    def make_object(self, kind: str, scope: Scope, depth: int) -> str:
        """An object to call a method of."""
        found = self.known(kind, scope) if self.chance(0.5) else ""
        if not found and kind in _GIVEN and self.chance(0.95):
            found = f"self._powers.{_GIVEN[kind]}"
        found = found or self.expression(kind, scope, depth + 1)
        return f"({found})" if found[:1] in "-~0123456789" else found

    def method_call(self, owner: str, function: Function, scope: Scope, depth: int) -> str:
        takes = list(function.takes)
        if takes and self.chance(0.03):
            takes.pop()
        if self.chance(0.02):
            takes.append("anything")
        arguments = ", ".join(self.expression(kind, scope, depth + 1) for kind in takes)
        return f"{self.make_object(owner, scope, depth)}.{function.name}" + (
            f"({arguments})" if function.called else ""
        )

    def call(self, scope: Scope) -> str:
        """A call for its effect."""
        choice = self.random.random()
        if choice < 0.2 and self.own:
            function = self.pick(self.own)
            return f"self.{function.name}({', '.join(self.expression(kind, scope, 1) for kind in function.takes)})"
        if choice < 0.35:
            function = self.pick(kernel_functions())
            self.imported.add(function.name)
            takes = [
                *function.takes,
                *("anything",) * (self.pick((0, 0, 1, 2, 3)) if function.name == "call_client" else 0),
            ]
            return f"{function.name}({', '.join(self.expression(kind, scope, 1) for kind in takes)})"
        if choice < 0.42:
            arguments = ", ".join(self.expression("anything", scope, 2) for _ in range(self.pick((0, 1, 1, 2))))
            callee = self.known("function", scope)
            if callee:
                return f"{callee}({arguments})"
        kind, function = self.pick(self.of_powers if self.chance(0.5) else self.of_all)
        return self.method_call(kind, function, scope, 1) if function.called else "self.one()"

    def make_range(self, scope: Scope, depth: int, wild: bool) -> str:
        """What a loop counts: mostly few."""
        if wild:  # nobody but the verifier looks what is counted
            kind = self.pick(("text", "text", "text", *BASIC))
            if kind == "text" and self.chance(0.5):
                return f"range({self.pick(FORMATS)}, {self.pick(TEXTS)})"
            parts = [self.expression(kind, scope, DEEPEST - 1) for _ in range(self.pick((1, 2, 2, 2)))]
            return f"range({', '.join(parts)})"
        if self.chance(0.2):
            first, last = self.expression("number", scope, depth + 1), self.expression("number", scope, depth + 1)
            return f"range({first}, {last}{self.pick(('', ', -1', ', 3'))})"
        return f"range({self.pick(('2', '3', '5', '9', '40', '_FEW', '300'))})"

    # -- Statements ------------------------------------------------------------

    def put(self, indent: int, line: str) -> None:
        self.lines.append("    " * indent + line)

    def new_local(self, scope: Scope, kind: str, sure: bool = False) -> str:
        """A name for a value; mostly a new one."""
        same = [name for name, of in scope.names.items() if of == kind and name.startswith("v")]
        if same and (self.chance(0.4) or self.locals >= 16):
            return self.pick(same)
        self.locals += 1
        name = f"v{self.locals}"
        scope.names[name] = kind
        return name

    def block(self, indent: int, scope: Scope, count: int) -> None:
        before = len(self.lines)
        for _ in range(count):
            if self.left > 0 and not self.ended(indent, before):
                self.left -= 1
                self.statement(indent, scope)
        if len(self.lines) == before:
            self.put(indent, "pass")

    def ended(self, indent: int, before: int) -> bool:
        """Whether nothing can come after the block's last statement."""
        last = self.lines[-1].strip() if len(self.lines) > before else ""
        return last.startswith(("return", "raise", "break", "continue"))

    def statement(self, indent: int, scope: Scope) -> None:
        if indent <= 3 and self.chance(
            0.75 if indent == 2 else 0.2
        ):  # what fails does not keep the rest from being tried
            self.put(indent, "try:")
            before = len(self.lines)
            self.plain_statement(indent + 1, scope.inner())
            if len(self.lines) == before:
                self.put(indent + 1, "pass")
            self.put(indent, "except Exception:")
            self.put(indent + 1, "pass")
        else:
            self.plain_statement(indent, scope)

    def plain_statement(self, indent: int, scope: Scope) -> None:
        nested = indent - 2 >= DEEPEST
        choice = self.random.random()
        if choice < 0.22:
            kind = self.pick(BASIC) if self.chance(0.8) else self.pick(("TakeCell", "Buffer", "Entry", "UserBuffer"))
            value = self.expression(kind, scope)
            if self.locals < 20:
                self.put(indent, f"{self.new_local(scope, kind)} = {value}")
            else:
                self.put(indent, f"self._n0 = {value}")
        elif choice < 0.34:
            name = self.pick(sorted(self.attributes))
            self.put(indent, f"self.{name} = {self.expression(self.attributes[name], scope)}")
        elif choice < 0.39:
            target = self.known(self.pick(("number", "text", "list", "tuple")), scope)
            if target and target not in scope.numbers:
                kind = scope.names.get(target) or self.attributes.get(target.removeprefix("self.")) or "number"
                sign = self.pick(ARITHMETIC) if kind == "number" else "+"
                self.put(indent, f"{target} {sign}= {self.expression(kind, scope)}")
        elif choice < 0.44:
            kind = self.pick(("list", "Buffer", "UserBuffer", "Entry", "tuple"))
            place = f"{self.make_object(kind, scope, 1)}[{self.expression('number', scope, 1)}]"
            self.put(indent, f"{place} = {self.expression('number', scope, 1)}")
        elif choice < 0.64 or nested:
            self.put(indent, self.call(scope))
        elif choice < 0.74:
            self.put(indent, f"if {self.truth(scope)}:")
            self.block(indent + 1, scope.inner(), self.pick((1, 2, 3)))
            if self.chance(0.2):
                self.put(indent, f"elif {self.truth(scope)}:")
                self.block(indent + 1, scope.inner(), 1)
            if self.chance(0.3):
                self.put(indent, "else:")
                self.block(indent + 1, scope.inner(), self.pick((1, 2)))
        elif choice < 0.84:
            self.loop(indent, scope)
        elif choice < 0.88:
            self.attempt(indent, scope)
        elif choice < 0.94:
            self.structure(indent, scope)
        elif choice < 0.96:
            names = [self.new_local(scope, "anything") for _ in range(2)] if self.locals < 18 else []
            if len(set(names)) == 2:
                self.put(
                    indent, f"{names[0]}, {names[1]} = {self.expression(self.pick(('tuple', 'text', 'list')), scope)}"
                )
        elif choice < 0.98 and not scope.handler:
            self.put(indent, self.pick(("break", "continue")) if scope.loops else f"return {self.result(scope)}")
        elif self.chance(0.5):
            self.put(indent, f"raise {self.pick(EXCEPTIONS)}({self.expression(self.pick(BASIC), scope, 1)})")

    def loop(self, indent: int, scope: Scope) -> None:
        within = scope.inner()
        within.loops += 1
        counted = self.chance(0.7) and self.locals < 20
        if counted:
            self.locals += 1
            name = f"i{self.locals}"
            counts = self.chance(0.75)
            wild = counts and self.chance(0.3)
            source = (
                self.make_range(scope, 1, wild)
                if counts
                else self.expression(self.pick(("list", "tuple", "bytes", "text")), scope, 1)
            )
            self.put(indent, f"for {name} in {source}:")
            within.names[name] = "number" if counts else "anything"
            if counts:
                (within.counted if wild or "self" in source or "v" in source else within.numbers).add(name)
        elif self.chance(0.05):
            self.put(indent, "while True:")
        else:
            self.put(indent, f"while {self.truth(scope)}:")
        within.handler = False
        if counted and wild and self.chance(0.6 if source.startswith('range("%') else 0.1):
            number = self.pick(NUMBERS_OF_NOTE)
            other = self.pick((number, f"({number},)", self.expression(self.pick(BASIC), scope, 2)))
            self.put(indent + 1, f"self._n0 = {name} {self.pick('%%*')} {other}")
        self.block(indent + 1, within, self.pick((1, 2, 3)))
        if self.chance(0.5 if counted else 0.9) and not self.lines[-1].strip().startswith(
            ("return", "raise", "break", "continue")
        ):
            self.put(indent + 1, "break")

    def attempt(self, indent: int, scope: Scope) -> None:
        self.put(indent, "try:")
        self.block(indent + 1, scope.inner(), self.pick((1, 2, 3)))
        within = scope.inner()
        if self.chance(0.4) and self.locals < 20:
            self.locals += 1
            name = f"e{self.locals}"
            self.put(indent, f"except {self.pick(('Exception', 'Exception', 'MemoryError'))} as {name}:")
            within.names[name] = "anything"
            within.handler = True
            within.loops = 0
        else:
            self.put(
                indent, f"except {self.pick(('Exception', '(MemoryError, RuntimeError)', self.pick(EXCEPTIONS)))}:"
            )
        self.block(indent + 1, within, self.pick((0, 1, 2)))

    def structure(self, indent: int, scope: Scope) -> None:
        """Something deep, or large: made in a loop, each round on top of the last; then used."""
        choice = self.random.random()
        if choice < 0.35:
            self.large(indent, scope)
        elif choice < 0.7 and self.locals < 18:
            self.linked(indent, scope)
        elif choice < 0.85:
            name = self.pick([name for name, kind in self.attributes.items() if kind in ("tuple", "list")])
            self.put(indent, f"for _ in range({self.pick((5, 30, 60, 500))}):")
            nested = self.pick(("(self.{0}, self.{0})", "(self.{0},)", "[self.{0}]", "(1, self.{0})"))
            self.put(indent + 1, f"self.{name} = {nested.format(name)}")
            used = self.pick(
                (
                    "self.{0} == (self.{0},)",
                    "(self.{0}, 1) < (self.{0}, 2)",
                    "self.{0} in (1, self.{0})",
                    "'%s' % (self.{0},)",
                )
            )
            self.put(indent, f"self._n0 = {used.format(name).replace(chr(39), chr(34))}")
        else:
            self.put(indent, f"self.deep({self.pick(('5', '20', '100', 'self._n0', '1000'))})")

    def large(self, indent: int, scope: Scope) -> None:
        """A sequence or number as large as can be, and one that is nearly the same."""
        name = self.pick(("_text", "_text", "_bytes", "_list", "_tuple", "_n0"))
        self.put(indent, "try:")
        self.put(indent + 1, f"for _ in range({self.pick((9, 14, 300))}):")
        if name == "_text":
            self.put(indent + 2, f"self._short = self._text + {self.pick(TEXTS)}")
        added = f"self.{name}" if self.chance(0.7) else self.expression(self.attributes[name], scope, DEEPEST)
        self.put(indent + 2, f"self.{name} = self.{name} + {added}")
        self.put(indent, "except MemoryError:")
        self.put(indent + 1, "pass")
        if name == "_text" and self.chance(0.6):
            function = self.pick(self.methods["text"])
            rest = ", ".join(self.expression(kind, scope, DEEPEST) for kind in function.takes[1:])
            used = (
                f"self._text.{function.name}(self._short{', ' if rest else ''}{rest})",
                "self._short in self._text",
                "self._text < self._short",
            )
            self.put(indent, f"self._n0 = {self.pick(used)}")

    def linked(self, indent: int, scope: Scope) -> None:
        """Many objects, each of which refers to another: to itself, or to a function of it that takes functions."""
        links = self.new_local(scope, "list")
        kind, made = self.pick(
            (
                ("TakeCell", "TakeCell(None)"),
                ("TakeCell", "TakeCell(None)"),
                ("TakeCell", "TakeCell(self.one)"),
                ("list", "[None]"),
                ("list", "[each]"),
            )
        )
        count, step = self.pick((8, 30, 60, 60, 100)), self.pick((1, 2, 2, 3))
        functions = [function for function in self.methods[kind] if function.takes]
        stores = [function for function in functions if function.takes == ("anything",)]
        higher = [function for function in functions if "function" in function.takes] or functions
        link, call = self.pick(stores or functions), self.pick(higher)
        self.put(indent, f"{links} = [{made} for each in range({count})]")
        self.locals += 1
        index = f"i{self.locals}"
        self.put(indent, f"for {index} in range({count - step}):")
        target = f"{links}[{index} + {step}]"
        value = f"{target}.{call.name}" if self.chance(0.6) else self.pick((target, f"({target}, {target})"))
        self.put(indent + 1, f"{links}[{index}].{link.name}({value})")
        given = [
            f"{links}[1].{call.name}" if kind == "function" else self.expression("anything", scope, DEEPEST)
            for kind in call.takes
        ]
        self.put(indent, f"{links}[0].{call.name}({', '.join(given)})")

    # -- Functions, classes, modules -------------------------------------------

    def result(self, scope: Scope) -> str:
        """What a command returns."""
        if self.chance(0.4):
            return "SUCCESS"
        if self.chance(0.4):
            function = self.pick([one for one in kernel_functions() if one.gives == "CommandReturn"])
            self.imported.add(function.name)
            return f"{function.name}({', '.join(self.expression(kind, scope, 1) for kind in function.takes)})"
        return "ErrorCode.FAIL" if self.chance(0.5) else self.expression(self.pick(BASIC), scope, 1)

    def initial(self, name: str, kind: str) -> str:
        """What an attribute is at first."""
        if kind == "function":
            return (
                f"self.{self.pick(self.own).name}"
                if self.chance(0.7)
                else self.pick(("self._text.find", "self._cell.map", "self._list.append"))
            )
        if kind == "Buffer":
            return f"Buffer({self.pick(('16', '1', '64', '300'))})"
        return {
            "Entry": "None",
            "UserBuffer": "None",
            "number": self.pick(NUMBERS_OF_NOTE),
            "text": self.pick(TEXTS),
            "bytes": self.pick(BYTES),
            "TakeCell": "TakeCell()",
            "list": self.pick(("[]", "[1, None]", '["a"]', "[0 for _ in range(30)]")),
            "tuple": self.pick(("()", "(0,)", "(1, (2, 3))", "_PAIR")),
        }[kind]

    def begin(self, scope: Scope, parameters: dict[str, str]) -> None:
        self.locals = 0
        scope.names = dict(parameters)
        self.left = self.pick((1, 2, 4, 8))

    def long_body(self, indent: int, scope: Scope) -> None:
        """A branch over more code than the emitter may have thought of."""
        self.put(indent, f"if {self.pick(('number == 1', 'first > 5', 'not second'))}:")
        line = self.pick(
            ("self._n0 = self._n0 + 1", "self.deep(0)", "self._cell.put(first)", "self._n0 = (first, second)")
        )
        for _ in range(self.pick((40, 90, 130, 170, 300))):
            self.put(indent + 1, line)
        self.put(indent, f"self._n0 = {self.expression('number', scope, 2)}")

    def class_(self, index: int) -> str:
        """A capsule; returns which functions of it are of machine words."""
        self.attributes = {
            "_n0": "number",
            "_n1": "number",
            "_text": "text",
            "_bytes": "bytes",
            "_list": "list",
            "_tuple": "tuple",
            "_cell": "TakeCell",
            "_other": "TakeCell",
            "_buffer": "Buffer",
            "_function": "function",
            "_short": "text",
            "_entry": "Entry",
            "_view": "UserBuffer",
        }
        self.own = [
            Function("deep", ("number",), "none"),
            Function("one", (), "anything"),
            Function("two", ("anything",), "anything"),
            Function("three", ("Buffer", "number", "number"), "none"),
            Function("transmitted", ("Buffer", "number", "number"), "none"),
            Function("received", ("Buffer", "number", "number"), "none"),
        ]
        self.put(0, "")
        self.put(0, "")
        self.put(0, f"class P{index}:")
        self.put(1, '"""A HIL UartClient, too."""')
        self.put(0, "")
        self.put(1, "def __init__(self, powers: Powers) -> None:")
        self.put(2, "self._powers = powers")
        for name, kind in self.attributes.items():
            self.put(2, f"self.{name}: Any = {self.initial(name, kind)}")
        scope = Scope({})
        self.begin(scope, {"powers": "anything"})
        self.left = self.pick((0, 0, 3, 6))
        scope.handler = True  # it returns nothing
        for call in (
            "self._powers.uart.set_client(self)",
            "self._powers.alarm.set_client(self.one)",
            "self._powers.line.enable(self.one)",
            "self._powers.shared.put(self)",
        ):
            if self.chance(0.4):
                self.put(2, call)
        if self.left:
            self.put(2, "try:")
            self.block(3, scope, 9)
            self.put(2, "except Exception:")
            self.put(3, "pass")
        scope.handler = False
        words = []
        parameters = {"number": "number", "first": "number", "second": "number", "process": "ProcessId"}
        if self.chance(0.25):
            words.append(f"P{index}.command")
            self.words_function("command", True)
        else:
            self.put(0, "")
            self.put(
                1,
                'def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":',
            )
            self.begin(scope, parameters)
            if self.chance(0.5):
                self.put(2, "self._entry = self._powers.grant.enter(process)")
                if self.chance(0.7):
                    kind = self.pick(("read_only", "read_only", "read_write", "readable"))
                    self.put(2, f"self._view = self._entry.{kind}({self.pick('01')})")
            if self.long:
                self.long_body(2, scope)
            if self.chance(0.2):
                self.put(2, f"self.deep({self.pick(('first', '0', '7', '30'))})")
            self.block(2, scope, 20)
            if not self.ended(2, 0):
                self.put(2, f"return {self.result(scope)}")
        for function in self.own:
            if function.name == "two" and self.chance(0.3):
                words.append(f"P{index}.two")
                self.words_function("two", False)
                continue
            self.put(0, "")
            names = [f"a{i}" for i in range(len(function.takes))]
            self.put(1, f"def {function.name}({', '.join(['self', *(f'{name}: Any' for name in names)])}) -> Any:")
            if function.name == "deep":
                self.begin(scope, dict(zip(names, function.takes, strict=True)))
                self.put(2, "if a0 > 0:")
                self.put(3, "self.deep(a0 - 1)")
                self.put(2, "else:")
                if self.chance(0.5):  # into what others use, too, with little stack left
                    self.put(3, self.pick(SHARED))
                self.left = 3
                self.block(3, scope, self.pick((1, 1, 2)))
                continue
            self.begin(scope, dict(zip(names, function.takes, strict=True)))
            self.left = self.pick((0, 0, 1, 2) if function.name in ("one", "two") else (0, 0, 0, 1))
            self.block(2, scope, 12)
            if function.gives == "anything" and self.chance(0.6) and not self.ended(2, 0):
                self.put(2, f"return {self.expression('anything', scope, 1)}")
        return " ".join(words)

    # -- Functions of machine words --------------------------------------------

    def words_function(self, name: str, command: bool) -> None:
        """A function for the viper emitter, in which each expression is a number or an object for sure."""
        self.put(0, "")
        if command:
            self.put(
                1,
                'def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":',
            )
            numbers = ["number", "first", "second"]
        else:
            self.put(1, f"def {name}(self, a0: int) -> int:")
            numbers = ["a0"]
        self.put(2, "w = 0")
        numbers.append("w")
        for _ in range(self.pick((1, 3, 6))):
            self.words_statement(2, numbers)
        self.put(2, f"return {'SUCCESS' if command else self.words_number(numbers, 0)}")

    def words_number(self, numbers: list[str], depth: int) -> str:
        choice = self.random.random()
        if depth > 2 or choice < 0.35:
            return self.pick(numbers) if self.chance(0.7) else self.pick(NUMBERS_OF_NOTE[:20])
        if choice < 0.65:
            sign = self.pick(("+", "-", "<<", ">>", "|", "^", "&"))
            return f"({self.words_number(numbers, depth + 1)} {sign} {self.words_number(numbers, depth + 1)})"
        if choice < 0.68:
            return f"(int({self.words_object(numbers, depth + 1)}) * int({self.words_number(numbers, depth + 1)}))"
        if choice < 0.72:
            return f"({self.pick('-~')}{self.words_number(numbers, depth + 1)})"
        return f"int({self.words_object(numbers, depth + 1)})"

    def words_object(self, numbers: list[str], depth: int) -> str:
        choice = self.random.random()
        if depth > 2 or choice < 0.4:
            return f"self.{self.pick(('_n0', '_n1') if self.chance(0.85) else sorted(self.attributes))}"
        if choice < 0.55:
            of = self.pick(("_buffer", "_bytes") if self.chance(0.85) else sorted(self.attributes))
            return f"self.{of}[{self.words_number(numbers, depth + 1)}]"
        if choice < 0.7:
            return f"self.two({self.words_number(numbers, depth + 1)})"
        kind = self.pick(list(POWERS))
        function = self.pick(self.methods[POWERS[kind]])
        arguments = ", ".join(
            self.words_number(numbers, depth + 1)
            if takes in ("number", "small") or self.chance(0.2)
            else self.words_object(numbers, depth + 1)
            for takes in function.takes
        )
        return f"self._powers.{kind}.{function.name}({arguments})"

    def words_test(self, numbers: list[str]) -> str:
        sign = self.pick(("==", "!=", "<", "<=", ">", ">="))
        return f"{self.words_number(numbers, 1)} {sign} {self.words_number(numbers, 1)}"

    def words_statement(self, indent: int, numbers: list[str]) -> None:
        choice = self.random.random()
        if choice < 0.3:
            self.put(indent, f"w = {self.words_number(numbers, 0)}")
        elif choice < 0.5:
            name = self.pick(sorted(self.attributes))
            value = self.words_number(numbers, 0) if self.chance(0.6) else self.words_object(numbers, 0)
            self.put(indent, f"self.{name} = {value}")
        elif choice < 0.6:
            self.put(indent, f"w {self.pick('+-&|^')}= {self.words_number(numbers, 0)}")
        elif choice < 0.75 or indent > 4:
            call = self.words_object(numbers, 0)
            self.put(indent, call if call.endswith(")") else "self.one()")
        elif choice < 0.9:
            self.put(indent, f"if {self.words_test(numbers)}:")
            self.words_statement(indent + 1, numbers)
            if self.chance(0.4):
                self.put(indent, "else:")
                self.words_statement(indent + 1, numbers)
        else:
            self.put(indent, f"while {self.words_test(numbers)}:")
            self.words_statement(indent + 1, numbers)
            self.put(indent + 1, self.pick(("break", "w += 1", "w -= 1")))

    def program(self) -> Program:
        """The whole module."""
        words = " ".join(part for part in (self.class_(index) for index in range(CAPSULES)) if part)
        emit = "native" if self.chance(0.7) else "bytecode"
        head = HEAD.replace("@KERNEL@", ", ".join(sorted(self.imported)))
        return Program(head + "\n".join(self.lines) + "\n", words, emit)


_MAKERS = {
    "number": Maker.make_number,
    "text": Maker.make_text,
    "bytes": Maker.make_bytes,
    "list": Maker.make_list,
    "tuple": Maker.make_tuple,
    "none": Maker.make_none,
    "small": Maker.make_small,
    "function": Maker.make_function,
    "TakeCell": Maker.make_cell,
}
_GIVEN = {kind: name for name, kind in POWERS.items()} | {"InterruptLine": "line"}


def make(seed: int, long: bool = False, alone: bool = False) -> Program:
    """The program with this number; `alone` if it may not end other processes, which is a power that it is given."""
    return Maker(seed, long, alone).program()
