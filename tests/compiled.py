"""What mpy-cross makes of a text, as the second verifier sees it in an image: for tests that need no kernel."""

import functools
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adder import mpy_cross
from adder.board import ROOT
from adder.verify_image import Code, kinds
from adder.verify_image.machine import Surroundings
from adder.verify_image.prelude import read_prelude

START = 0x4000


def mpy_tool() -> Any:
    """MicroPython's tools/mpy-tool.py."""
    path = ROOT / (ROOT / "build/.micropython").read_text().strip() / "tools/mpy-tool.py"
    spec = importlib.util.spec_from_file_location("mpy_tool", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    sys.path.append(str(path.parent.parent / "py"))  # where it looks for its own modules
    spec.loader.exec_module(tool)
    return tool


@functools.cache
def functions(text: str, emit: str = "native") -> list[Code]:
    """The machine code of a module's functions, the module's own first; what a function within is handed is known."""
    tool = mpy_tool()
    tool.config.native_arch = tool.MP_NATIVE_ARCH_NONE  # none yet: it takes the file's
    tool.global_qstrs = tool.GlobalQStrList()
    with TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "case.py", Path(folder) / "case.mpy"
        source.write_text(text)
        result = mpy_cross.run(mpy_cross.command("armv7emsp", "3", "case.py", compiled, emit), source)
        assert result.returncode == 0, result.stderr
        module = tool.read_mpy(str(compiled))
    return list(_functions(tool, module, module.raw_code, 0, body=True))


def _kind(tool: Any, thing: object) -> kinds.Kind:
    if isinstance(thing, tool.MPFunTable):
        return kinds.RUNTIME
    if isinstance(thing, str):
        return kinds.NAME
    if isinstance(thing, int) and not isinstance(thing, bool) and abs(thing) < 1 << 30:
        return kinds.value(thing << 1 & 0xFFFFFFFF | 1)
    return kinds.OBJECT


def _functions(tool: Any, module: Any, raw: Any, closed: int, *, body: bool = False) -> Iterator[Code]:
    qstrs = len(module.qstr_table)
    heads = [
        read_prelude(child.fun_data[child.prelude_offset :], qstrs)
        if child.code_kind == tool.MP_CODE_NATIVE_PY
        else None
        for child in (raw, *raw.children)
    ]
    objects = [_kind(tool, thing) for thing in module.obj_table]
    children = [head.defaults if head else 0 for head in heads[1:]]
    around = Surroundings(tuple(qstr.str for qstr in module.qstr_table), objects, children, heads[0], closed, body)
    begin, end = (4, raw.prelude_offset) if heads[0] else (0, len(raw.fun_data))
    code = Code(raw.simple_name.str, START, bytes(raw.fun_data[begin:end]), around)
    yield code
    try:
        demands = code.verify()
    except Exception:  # the test will see it
        demands = {}
    for index, child in enumerate(raw.children):
        yield from _functions(tool, module, child, demands.get(index, 0))
