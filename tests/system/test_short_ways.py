"""The short ways of bytecode and machine code (firmware/port/quick.h) give what the long ones do."""

import textwrap

EDGES = "(-(2**30), -(2**30) + 1, -65536, -7, -1, 0, 1, 2, 77, 2**30 - 2, 2**30 - 1)"

PROGRAM = """
EDGES = {edges}


{decorator}
def arithmetic():
    total = 0
    for a in EDGES:
        for b in EDGES:
            c = a
            c += b
            d = a
            d -= b
            e = a
            e &= b
            for value in (a + b, a - b, a & b, c, d, e, a | b, a ^ b, a * b):
                total = (total * 31 + value) % 1000003
            for value in (a < b, a > b, a <= b, a >= b, a == b, a != b):
                total = (total * 31 + value) % 1000003
    return total


{decorator}
def items():
    found = []
    for base in ([5, 6, 7], (5, 6, 7), b"567", range(5, 8)):
        for index in (0, 2, -1, -3, 3, -4, True, False, 2**30 - 1, -(2**30)):
            try:
                found.append(base[index])
            except IndexError:
                found.append("I")
    numbers = [0] * 3
    numbers[1] = 4
    numbers[-1] = 9
    try:
        numbers[3] = 1
    except IndexError:
        found.append("end")
    try:
        (1, 2)[0] = 1
    except TypeError:
        found.append("tuple")
    some = bytearray(b"\\x00\\xff3")
    for index, value in ((0, 255), (2, 7), (-1, 8), (3, 1), (1, "x"), (2**30 - 1, 0), (True, 9)):
        try:
            some[index] = value
        except (IndexError, TypeError):
            found.append("not stored")
    found.extend((some[0], some[-1], some[1], list(some), list(memoryview(some))))
    try:
        b"123"[0] = 1
    except TypeError:
        found.append("bytes")
    return found, numbers


{decorator}
def truth():
    return [1 if value else 0 for value in (True, False, None, 0, 1, "", "x", [], [0], 0.0, 2**40)]


class Thing:
    shared = 1

    def method(self):
        return "method"

    def replaced(self):
        return "first"


class Other:
    def method(self):
        return "other"


class Heir(Thing):
    pass


class Odd:
    size = len
    twice = staticmethod(lambda value: 2 * value)
    kind = classmethod(lambda cls, value: (cls is Odd, value))
    count = 0

    def _get(self):
        return self.held

    def _set(self, value):
        self.held = value + 1

    doubled = property(_get, _set)


{decorator}
def members():
    thing, heir, found = Thing(), Heir(), []
    for turn in range(3):
        for each in (thing, Other(), heir):
            found.append(each.method())
        found.append(thing.shared)
        found.append(thing.replaced())
        if turn == 0:
            thing.method = lambda: "own"
            Thing.replaced = lambda self: "second"
            thing.shared = 2
        if turn == 1:
            del thing.method
            del thing.shared
    found.append([1].pop())
    found.append("a,b".split(","))
    try:
        thing.missing()
    except AttributeError:
        found.append("missing")
    return found


{decorator}
def attributes():
    thing, odd, found = Thing(), Odd(), []
    for turn in range(3):
        thing.shared = turn
        thing.other = thing.shared + 1
        odd.doubled = 10 * turn
        odd.count = odd.count + turn
        found.append((thing.shared, thing.other, Thing.shared, odd.doubled, odd.held, odd.count, Odd.count))
        found.append((odd.size([1, 2, 3]), odd.twice(turn), odd.kind(turn)))
        for index in range(12):  # more than the table of attributes begins with
            setattr(thing, "a%d" % index, index + turn)
        found.append([thing.a0, thing.a11, thing.other])
        if turn == 1:
            del thing.other
    return found


def plain(a, b=2, c=3):
    return a, b, c


def special(a, *rest, d=4, **more):
    return a, rest, d, sorted(more)


def keyword(a, *, b):
    return a, b


def holder(a):
    def inner(b):
        nonlocal a
        a = a + b
        return a

    return inner


def counting(limit, step=1):
    at = 0
    while at < limit:
        yield at
        at += step


{decorator}
def calls():
    found = [plain(1), plain(1, 5), plain(1, 5, 6), plain(1, c=9), plain(a=0), special(1), special(1, 2, 3, d=5, x=6)]
    found.append((keyword(1, b=2), holder(1)(2), list(counting(3)), list(counting(6, 2))))
    for wrong in (lambda: plain(), lambda: plain(1, 2, 3, 4), lambda: keyword(1), lambda: plain(1, z=2), holder):
        try:
            found.append(wrong())
        except TypeError:
            found.append("TypeError")
    return found


number = 1


def shadow():
    found = []
    for turn in range(3):
        found.append(len("four"))
        globals()["len"] = lambda thing: -1
        found.append(len("four"))
        del globals()["len"]
    return found


{decorator}
def missing():
    try:
        return nowhere
    except NameError:
        return "NameError"


for function in (arithmetic, items, truth, members, attributes, calls, shadow, missing):
    for _ in range(2):
        print("result", repr(function()).replace(" ", ""))
print("end")
"""


def results(text: str) -> list[str]:
    return [line.split(" ", 1)[1].strip() for line in text.splitlines() if line.startswith("result ")]


def expected() -> list[str]:
    """What CPython makes of it."""
    lines: list[str] = []
    program = PROGRAM.format(edges=EDGES, decorator="")
    exec(compile(program, "program", "exec"), {"print": lambda *parts: lines.append(" ".join(parts))})
    return results("\n".join(lines))


def test_bytecode_and_machine_code_compute_what_cpython_does(simulation, python_app) -> None:
    wanted = expected()
    assert len(wanted) == 16
    for decorator, native in (("", "false"), ("@micropython.native", "true")):
        text = "import micropython\n" + textwrap.dedent(PROGRAM).format(edges=EDGES, decorator=decorator)
        with simulation(python_app(text, ram='"40K"', native=native)) as board:
            board.expect(r"end\r\n", timeout=30)
        assert results(board.transcript.replace("\r", "")) == wanted


def test_a_prepared_command_is_the_command(simulation, python_app) -> None:
    app = python_app(
        """
from adder import led
print("leds", led.count())
led.on()
print(led.is_on(0), led.toggle(0), led.is_on(), led.off(0), led.is_on(0))
led.toggle(True)
print(led.is_on(1))
for wrong in ((led.toggle, 99), (led.on, -1), (led.count, 1), (led.on, 0, 1), (lambda: led.on(led=0),)):
    try:
        wrong[0](*wrong[1:])
    except (OSError, TypeError) as error:
        print("refused:", type(error).__name__)
try:
    led.toggle("0")
except TypeError:
    print("end")
"""
    )
    with simulation(app) as board:
        board.expect("leds 2")
        board.expect("True None False None False")
        board.expect("True")
        for name in ("SyscallError", "SyscallError", "TypeError", "TypeError", "TypeError"):
            board.expect(f"refused: {name}")
        board.expect("end")
