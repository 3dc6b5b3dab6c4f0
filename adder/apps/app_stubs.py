"""Stubs of the Python apps' library for editors and mypy, and its reference: both are made of the library itself.

    python -m adder.apps.app_stubs      writes apps/stubs/adder/*.pyi and docs/python-library.md (`make reference`)

What is public in a module of apps/library/adder (no leading underscore) goes there, with its annotations and docstring.
The modules in C and MicroPython's own have stubs that are written by hand, apps/stubs/*.pyi; a test asks the real image
whether it has what these say (tests/system/test_python_library.py).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from adder.board import ROOT
from adder.build.prepared import is_prepared
from adder.errors import AdderError

LIBRARY = ROOT / "apps" / "library" / "adder"
STUBS = ROOT / "apps" / "stubs"
REFERENCE = ROOT / "docs" / "python-library.md"

INTERNAL = ("__init__", "upcall")
"""Modules that are no app's business: the package itself, and what the others are made of."""

BY_HAND = ("syscall", "repl")
"""Modules in C, whose stubs are part of the reference."""

INTERNAL_OF_SYSCALL = ("check", "natural", "prepared", "yield_wait_within")
"""What the module has for the library alone (adder/build/prepared.py), and no stub says."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[str]:
    """The public modules of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.py") if path.stem not in INTERNAL)


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"


def _unquoted(annotation: ast.expr | None, where: str) -> str:
    if annotation is None:
        raise AdderError(f"{where} has no annotation.")
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)


def signature(function: Function, where: str, method: bool) -> str:
    """`(led: int = 0) -> None`, as the stub has it; all annotations must be there."""
    arguments = function.args
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
        raise AdderError(f"{where}: only plain parameters are expected.")
    parts = ["self"] if method else []
    named = arguments.args[1:] if method else arguments.args
    defaults = [None] * (len(named) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in zip(named, defaults, strict=True):
        text = f"{argument.arg}: {_unquoted(argument.annotation, f'{where}, {argument.arg}')}"
        parts.append(text if default is None else f"{text} = {ast.unparse(default)}")
    if named and not method and is_prepared(function):
        parts.append("/")  # in the image, its arguments have no names
    return f"({', '.join(parts)}) -> {_unquoted(function.returns, where)}"


def _module_docstring(tree: ast.Module) -> str:
    """As it stands: cleaning takes the indentation of an example away where nothing follows it."""
    return (ast.get_docstring(tree, clean=False) or "").strip()


def _docstring(node: ast.AsyncFunctionDef | ast.FunctionDef | ast.ClassDef | ast.Module, indent: str) -> Iterator[str]:
    text = _module_docstring(node) if isinstance(node, ast.Module) else ast.get_docstring(node)
    if text:
        lines = text.splitlines()
        if len(lines) == 1:
            yield f'{indent}"""{text}"""'
        else:
            yield f'{indent}"""{lines[0]}'
            yield from (f"{indent}{line}".rstrip() for line in lines[1:])
            yield f'{indent}"""'


def _function(function: Function, where: str, indent: str = "", method: bool = False) -> Iterator[str]:
    word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    head = f"{indent}{word} {function.name}{signature(function, where, method)}:"
    body = list(_docstring(function, indent + "    "))
    if body:
        yield head
        yield from body
        yield f"{indent}    ..."
    else:
        yield f"{head} ..."


def _attributes(klass: ast.ClassDef, types: dict[str, str], where: str) -> Iterator[str]:
    """The public attributes that __init__ makes: annotated there, or a parameter, or what a known function returns."""
    for method in klass.body:
        if not (isinstance(method, ast.FunctionDef) and method.name == "__init__"):
            continue
        parameters = {argument.arg: argument.annotation for argument in method.args.args}
        for node in ast.walk(method):
            target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
            if not isinstance(target, ast.Attribute) or not _is_public(target.attr):
                continue
            here = f"{where}.{target.attr}"
            if isinstance(node, ast.AnnAssign):
                yield f"    {target.attr}: {_unquoted(node.annotation, here)}"
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in parameters:
                yield f"    {target.attr}: {_unquoted(parameters[node.value.id], here)}"
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                yield f"    {target.attr}: {types[ast.unparse(node.value.func)]}"
            else:
                raise AdderError(f"{here} has no annotation.")


def _class(klass: ast.ClassDef, types: dict[str, str], where: str) -> Iterator[str]:
    yield f"class {klass.name}:"
    yield from _docstring(klass, "    ")
    yield from _attributes(klass, types, where)
    for node in klass.body:
        if isinstance(node, Function) and _is_public(node.name):
            yield from _function(node, f"{where}.{node.name}", "    ", method=True)


def _value(node: ast.Assign, types: dict[str, str], where: str) -> str:
    """The type of a public name of the module: an int, or an object of a class of the module."""
    call = node.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        if call.func.id == "const":
            return "int"
        if call.func.id in types:
            return types[call.func.id]
    raise AdderError(f"{where}: its type cannot be told.")


def _said_after(tree: ast.Module, at: int) -> str:
    """The string that stands behind a name of the module, as its docstring."""
    node = tree.body[at + 1] if at + 1 < len(tree.body) else None
    value = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
    return value if isinstance(value, str) else ""


def stub(name: str) -> str:
    """The stub of a module of the library."""
    tree = ast.parse((LIBRARY / f"{name}.py").read_text())
    types = {n.name: n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    types |= {n.name: _unquoted(n.returns, n.name) for n in tree.body if isinstance(n, Function) and n.returns}
    lines = [*_docstring(tree, ""), ""]
    again = [alias.name for n in tree.body if isinstance(n, ast.ImportFrom) for alias in n.names if n.module == "time"]
    body: list[str] = []
    for at, node in enumerate(tree.body):
        where = f"adder.{name}"
        if isinstance(node, Function) and _is_public(node.name):
            body += ["", *_function(node, f"{where}.{node.name}")]
        elif isinstance(node, ast.ClassDef) and _is_public(node.name):
            body += ["", *_class(node, types, f"{where}.{node.name}")]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_public(node.targets[0].id):
            body.append(f"{node.targets[0].id}: {_value(node, types, f'{where}.{node.targets[0].id}')}")
            said = tree.body[at + 1] if at + 1 < len(tree.body) else None
            if (
                isinstance(said, ast.Expr)
                and isinstance(said.value, ast.Constant)
                and isinstance(said.value.value, str)
            ):
                body.append(f'"""{said.value.value}"""')
    if any("Awaitable" in line for line in body):
        lines.append("from collections.abc import Awaitable")
    if again:
        lines.append(f"from time import {', '.join(f'{one} as {one}' for one in again)}")
    return "\n".join([*lines, *body]).rstrip() + "\n"


# -- The reference


def _sections(name: str, text: str) -> Iterator[str]:
    """A module's part of the reference, from its stub."""
    tree = ast.parse(text)
    yield f"## {name}"
    # What is indented is an example.
    for block in re.split(r"\n\s*\n", _module_docstring(tree)):
        lines = block.splitlines()
        if all(line.startswith("    ") for line in lines):
            yield "```python\n" + "\n".join(line[4:] for line in lines) + "\n```"
        else:
            yield block
    rows = []
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.AnnAssign):
            rows.append((f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}", _said_after(tree, at)))
        elif isinstance(node, Function):
            rows.append(_row("", node))
        elif isinstance(node, ast.ClassDef):
            rows.append((f"class {node.name}", ast.get_docstring(node) or ""))
            for inner in node.body:
                if isinstance(inner, ast.AnnAssign):
                    rows.append((f".{ast.unparse(inner.target)}: {ast.unparse(inner.annotation)}", ""))
                elif isinstance(inner, Function):
                    rows.append(_row(node.name if inner.name == "__init__" else ".", inner))
    if rows:
        yield "| name | what |\n|---|---|\n" + "\n".join(f"| `{_cell(a)}` | {_cell(b)} |" for a, b in rows)


def _row(before: str, function: Function) -> tuple[str, str]:
    text = ast.unparse(function.args).removeprefix("self").removeprefix(", ")
    # In Markdown's code as Python's style has it.
    text = re.sub(r"(\w: [^,=]+?)=", r"\1 = ", text)
    returns = f" -> {ast.unparse(function.returns)}" if function.returns and function.name != "__init__" else ""
    word = "await " if isinstance(function, ast.AsyncFunctionDef) or "Awaitable" in returns else ""
    returns = re.sub(r"Awaitable\[(.*)\]", r"\1", returns)
    name = before if function.name == "__init__" else f"{before}{function.name}"
    return f"{word}{name}({text}){returns}", ast.get_docstring(function) or ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


HEAD = """# The Python library

Made by `make reference` of the library's own text; [python-apps.md](python-apps.md) says how to use it. `import adder`
and `adder.led`, or `from adder import led`: a module is loaded when it is first used.

Exceptions: whatever a driver refuses or fails at raises `SyscallError(code, text)` of the module `syscall`, an
`OSError` whose `errno` is one of that module's codes: NODEVICE if the board has no such driver, or if the app's
settings lack the permission, which the text then names. `await` stands before what an asyncio task waits for;
everything else that waits blocks the app.

For an editor or mypy, `apps/stubs` has all of this as stubs, together with what MicroPython has more than Python: a new
app (`adder app new NAME --python`) points to them in its pyproject.toml.
"""


def reference() -> str:
    """docs/python-library.md."""
    parts = [HEAD.strip()]
    for name in modules():
        parts += _sections(f"adder.{name}", stub(name))
    for name in BY_HAND:
        parts += _sections(name, (STUBS / f"{name}.pyi").read_text())
    return "\n\n".join(parts) + "\n"


def outputs() -> dict[Path, str]:
    """All that is made, by path."""
    made = {STUBS / "adder" / f"{name}.pyi": stub(name) for name in modules()}
    package = ast.get_docstring(ast.parse((LIBRARY / "__init__.py").read_text()))
    imports = "".join(f"from . import {name} as {name}\n" for name in modules())
    made[STUBS / "adder" / "__init__.pyi"] = f'"""{package}\n"""\n\n{imports}'
    made[REFERENCE] = reference()
    return made


if __name__ == "__main__":
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
