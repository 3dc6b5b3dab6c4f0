"""What the second verifier may know of a word: its kind. A kind is proved on every path, or it is `ANY`."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A name, and for some names a number."""

    name: str
    number: int = 0

    def __str__(self) -> str:
        return self.name.format(self.number)


ANY = Kind("anything")  # nothing is known: it may be kept and copied, no more
WORD = Kind("a word")  # data
OBJECT = Kind("an object")
CONSTANT = Kind("one of some constants")  # each a word and, by itself, an object
MAYBE = Kind("an object or 0")
EXCEPTION = Kind("an exception")
NO_EXCEPTION = Kind("an exception or None")
NAME = Kind("a qstr object")
LIST = Kind("a list made here")
CELL = Kind("a cell")  # of a variable that a function shares with a comprehension within it
QSTR = Kind("a qstr")
EXCEPTION_NAME = Kind("the qstr of a built-in exception")
EXCEPTION_CLASS = Kind("a built-in exception")
FUNCTION = Kind("the function's object")
CONTEXT = Kind("the module's context")
GLOBALS = Kind("the module's globals")
QSTRS = Kind("the module's table of qstrs")
OBJECTS = Kind("the module's table of objects")
CHILDREN = Kind("the table of the functions within")
RUNTIME = Kind("the runtime's table")
COUNT = Kind("the number of arguments")
KEYWORDS = Kind("the number of keyword arguments")
ARGUMENTS = Kind("the arguments")
BEFORE = Kind("the globals of before, or 0 if they are the same")
CHANGED = Kind("the globals of before")


def value(number: int) -> Kind:
    return Kind("the number {}", number)


def frame(index: int) -> Kind:
    return Kind("the address of word {} of the frame", index)


def code(address: int) -> Kind:
    return Kind("the address 0x{:x} of code", address)


def entry(index: int) -> Kind:
    return Kind("entry {} of the runtime's table", index)


def child(index: int) -> Kind:
    return Kind("function {} within", index)


def made(index: int) -> Kind:
    return Kind("what was made of function {} within", index)


def tuple_of(length: int) -> Kind:
    return Kind("a tuple of {} made here", length)


def iterator(word: int) -> Kind:
    return Kind("word {} of an iterator", word)


def method(word: int) -> Kind:
    return Kind("word {} of a method and its self", word)


_VALUE, _CODE, _TUPLE = value(0).name, code(0).name, tuple_of(0).name
_TOGETHER = (iterator(0).name, method(0).name)

ZERO = value(0)
_OBJECTS = (OBJECT, CONSTANT, EXCEPTION, NO_EXCEPTION, EXCEPTION_CLASS, NAME, LIST)
NONE, FALSE, TRUE = value(0x06), value(0x0E), value(0x1E)
IMMEDIATE = (NONE, FALSE, TRUE)


def is_value(kind: Kind) -> bool:
    return kind.name == _VALUE


def is_code(kind: Kind) -> bool:
    return kind.name == _CODE


def is_word(kind: Kind) -> bool:
    return is_value(kind) or kind in (WORD, CONSTANT)


def is_object(kind: Kind) -> bool:
    """An object, or a constant that is one by itself: a small int, None, False, True."""
    if is_value(kind):
        return kind.number & 1 == 1 or kind in IMMEDIATE
    return kind.name == _TUPLE or kind in _OBJECTS


def copied(kind: Kind) -> Kind:
    """What a copy of a word is. Words that belong together are never copied, lest those of two be mixed."""
    return ANY if kind.name in _TOGETHER else kind


def join(a: Kind, b: Kind) -> Kind:
    """What is known where two paths meet."""
    if a == b:
        return a
    if {a, b} <= {NONE, EXCEPTION, NO_EXCEPTION}:
        return NO_EXCEPTION
    if is_object(a) and is_object(b):
        return CONSTANT if is_word(a) and is_word(b) else OBJECT
    if is_word(a) and is_word(b):
        return WORD
    if all(is_object(kind) or kind in (MAYBE, ZERO) for kind in (a, b)):
        return MAYBE
    return ANY


def join_all(a: tuple[Kind, ...], b: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The same, word by word."""
    return a if a == b else tuple(map(join, a, b))
