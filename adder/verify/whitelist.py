"""What Capsule Python may use: the lists. What is not on a list is refused."""

import ast
import re
from enum import Enum, auto


class Kind(Enum):
    """What a name of a module stands for."""

    NUMBER = auto()  # surely an integer
    VALUE = auto()
    FUNCTION = auto()
    CLASS = auto()
    ERRORS = auto()  # kernel.ErrorCode
    TYPE = auto()  # known to the type checker alone
    MODULE = auto()  # in boards
    OPTIONS = auto()  # config
    POWERS = auto()  # mint
    CONST = auto()  # micropython.const


STATEMENTS = (
    ast.Module, ast.FunctionDef, ast.ClassDef, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While,
    ast.If, ast.Raise, ast.Try, ast.Import, ast.ImportFrom, ast.Expr, ast.Pass, ast.Break, ast.Continue,
)  # fmt: skip

EXPRESSIONS = (
    ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.JoinedStr, ast.Constant, ast.Attribute,
    ast.Subscript, ast.Name, ast.List, ast.Tuple, ast.ListComp,
)  # fmt: skip

OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.LShift, ast.RShift, ast.BitOr, ast.BitXor, ast.BitAnd,
)  # fmt: skip

PARTS = (
    ast.And, ast.Or, ast.Invert, ast.Not, ast.UAdd, ast.USub, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
    ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.Load, ast.Store, ast.FormattedValue, ast.comprehension,
    ast.ExceptHandler, ast.arguments, ast.arg, ast.keyword, ast.alias,
)  # fmt: skip

NODES = (*STATEMENTS, *EXPRESSIONS, *PARTS, ast.operator)  # which operators, Check.operator looks at

ANNOTATIONS = (ast.Name, ast.Constant, ast.Subscript, ast.BinOp, ast.BitOr, ast.Tuple, ast.List, ast.Load)
"""What types are written with."""

MOST_ARGUMENTS = 12

EXCEPTIONS = {
    "Exception", "IndexError", "MemoryError", "NotImplementedError", "OSError", "RuntimeError", "TypeError",
    "ValueError",
}  # fmt: skip

SPECIAL = {"config", "const", "Layout", "mint", "TYPE_CHECKING"}
"""Imports that the verifier, the build or the compiler knows by their names: nothing else may be called so."""

_KERNEL_TYPES = (
    "Callback CommandReturn Entry Field FlashRange Grant InterruptLine KernelLog ProcessControl ProcessId "
    "ProcessLoader Registers UserBuffer"
)

POLICIES = {"CONTINUE", "DISABLE", "RESTART"}
"""What of `mint` is a constant; all else is only called."""

MODULES: dict[str, dict[str, Kind]] = {
    "kernel": {
        "SUCCESS": Kind.VALUE,
        "ErrorCode": Kind.ERRORS,
        "Layout": Kind.CLASS,
        "call_client": Kind.FUNCTION,
        "callback": Kind.FUNCTION,
        "deferred": Kind.FUNCTION,
        "log": Kind.FUNCTION,
        "log_number": Kind.FUNCTION,
        "log_u32": Kind.FUNCTION,
        "sha256": Kind.FUNCTION,
        "shared": Kind.FUNCTION,
        "success_u32": Kind.FUNCTION,
        "success_u32_shifted": Kind.FUNCTION,
        "success_u32_u32": Kind.FUNCTION,
        "success_u64": Kind.FUNCTION,
        **dict.fromkeys(_KERNEL_TYPES.split(), Kind.TYPE),
    },
    "cells": {"Buffer": Kind.CLASS, "TakeCell": Kind.CLASS},
    "micropython": {"const": Kind.CONST},
    "typing": dict.fromkeys(["Any", "Callable", "Final", "Literal", "Protocol", "TYPE_CHECKING"], Kind.TYPE),
}
"""The trusted modules, and what may be imported from them."""

SAFE = frozenset(["append", "clear", "copy", "find", "join", "pop", "replace"])
"""Methods of built-in types that capsules may use: no Python runs in them, and they check their arguments."""

_RESERVED = """
    add appendleft args asdict capitalize center close count decode deleter difference difference_update discard encode
    endswith errno extend format from_bytes fromhex fromkeys get getter hex imag index indices insert intersection
    intersection_update isalpha isdigit isdisjoint islower isspace issubset issuperset isupper items itemsize keys
    lower lstrip partition pend_throw popitem popleft real remove reverse rfind rindex rpartition rsplit rstrip send
    setdefault setter sort split splitlines startswith strip symmetric_difference symmetric_difference_update
    throw to_bytes union update upper value values
    """
RESERVED = frozenset(_RESERVED.split())
"""All other public attributes of the built-in types."""

FORMAT = re.compile(r"(?:[^%]|%%|%[-0]?[0-9]{0,2}[sdxX])*")
"""A string constant left of `%`."""

F_STRING = re.compile(
    r'f"(?:[^"\\{}]|\{[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+|\[[A-Za-z0-9_]+\])*(?::[<>^]?0?[0-9]{0,2}[dxXsb]?)?\})*"'
)
"""An f-string that MicroPython takes apart as Python does."""

# How large things may be; how large a frame is in the end, adder/verify_image sees.
MOST_PARAMETERS = 8
MOST_LOCALS = 32
MOST_ELEMENTS = 32
LONGEST_STRING = 512
DEEPEST = 24
