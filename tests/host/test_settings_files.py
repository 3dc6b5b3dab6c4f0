"""Files as editors and other systems write them: their settings are read, or refused with the line; never ignored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adder.apps.python_app import build
from adder.errors import AdderError

MARK = b"\xef\xbb\xbf"
TEXT = '# /// script\n# [tool.adder]\n# name = "given"\n# ram = "8K"\n# stack = 2560\n# permissions = ["led"]\n# ///\n'
PROGRAM = 'import time\nprint("hi")\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, contents: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents)
        return path

    return write


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", MARK])
def test_a_byte_order_mark_and_any_line_endings_change_nothing(write, mark: bytes, ending: str) -> None:
    plain = build(write("plain.py", (TEXT + PROGRAM).encode()), "same")
    other = build(write("other.py", mark + (TEXT + PROGRAM).replace("\n", ending).encode()), "same")
    assert other.settings.ram == 8192
    assert other.settings.permissions is not None
    assert other.tbf == plain.tbf


def test_a_mark_in_a_settings_file_or_in_a_module_changes_nothing(write) -> None:
    write("app/app.toml", MARK + b'name = "given"\r\nram = "8K"\r\nstack = 2560\r\n')
    write("app/helper.py", MARK + b"x = 1\n")
    main = write("app/main.py", MARK + b"import helper\n")
    made = build(main.parent)
    assert (made.settings.name, made.settings.ram) == ("given", 8192)
    write("app/app.toml", b'name = "given"\nram = "8K"\nstack = 2560\n')
    write("app/helper.py", b"x = 1\n")
    write("app/main.py", b"import helper\n")
    assert build(main.parent).tbf == made.tbf


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("  # /// script\n# [tool.adder]\n# ///\n", 1, "begins with exactly"),
        ("#/// script\n#[tool.adder]\n#///\n", 1, "begins with exactly"),
        ("\n# /// script \n# [tool.adder]\n# ///\n", 2, "begins with exactly"),
        ("# // script\n# [tool.adder]\n# ///\n", 1, "begins with exactly"),
        ("# /// SCRIPT\n# [tool.adder]\n# ///\n", 1, "begins with exactly"),
        ("# /// script\n# [tool.adder]\n#ram = 8192\n# ///\n", 3, "does not end in"),
        ("# /// script\n# [tool.adder]\n#  ///\n", 4, "does not end in"),
        ("# /// script\n# [tool.addr]\n# ///\n", 2, r"there is a table \[tool.addr\]; did you mean \[tool.adder\]"),
        ("# /// script\n# [tool.Adder]\n# ///\n", 2, r"did you mean \[tool.adder\]"),
        ('# /// script\n# name = "x"\n# ///\n', 2, "a setting 'name' outside of the table"),
        (TEXT + "\n" + TEXT, 9, "more than one"),
        ("# /// script\n# [tool.adder]\n# ram = \n# ///\n", 3, "Invalid value"),
    ],
)
def test_settings_that_cannot_be_read_are_an_error_with_its_line(write, text: str, line: int, what: str) -> None:
    with pytest.raises(AdderError, match=what) as caught:
        build(write("wrong.py", (text + PROGRAM).encode()))
    said = str(caught.value)
    assert f"wrong.py:{line}:" in said or f"at line {line}" in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_text_that_is_no_utf_8_is_refused_with_the_line(write, encoding: str) -> None:
    text = "# -*- coding: latin-1 -*-\n" + TEXT + 'print("é")\n'
    with pytest.raises(AdderError, match=r"other\.py:\d+: not UTF-8 text|other\.py"):
        build(write("other.py", text.encode(encoding)))


def test_what_only_looks_like_settings_is_left_alone(write) -> None:
    text = '"""An example:\n\n    # /// script\n    # ///\n"""\n# read the script // twice\nx = "# /// script"\n'
    assert build(write("doc.py", text.encode())).settings.ram == 12288


LINES = [
    "# /// script", "#/// script", "# /// script ", " # /// script", "# ///", "#///", "#", "# ", "# [tool.adder]",
    "# [tool.addr]", "# ram = 8192", "#ram = 8192", "ram = 1", '# name = "given"', "", "x = 1",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@example(["# /// script", "#", "# ///", "# [tool.adder]"], "\n", False)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_settings_that_a_person_would_see_are_taken_or_refused(lines: list[str], ending: str, mark: bool) -> None:
    from adder.apps.python_app import script_table

    text = "\n".join(lines) + "\n"
    try:
        table = script_table(text, "a.py")
    except AdderError:
        return
    if table is not None:
        return
    # Nothing was found: then there is no line that a person would take for the beginning of settings of ours.
    begins = [n for n, line in enumerate(lines) if line.replace(" ", "").lower() == "#///script"]
    assert not begins or "# [tool.adder]" not in lines[begins[0] :]


# ---------------------------------------------------------------------------- imports


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("import numpy\n", 1, "An app's own modules lie in its folder"),
        ("\nimport machine\n", 2, "hardware is the kernel's"),
        ("from machine import Pin\n", 1, "hardware is the kernel's"),
        ("import time, threading\n", 1, "use asyncio, or several apps"),
        ("def f():\n    import utime\n", 2, "it is called time"),
        ("try:\n    import numpy\nexcept ValueError:\n    pass\n", 2, "An app's own modules"),
        ("try:\n    pass\nexcept ImportError:\n    import numpy\n", 4, "An app's own modules"),
        ("import kernel\n", 1, "An app's own modules"),
        ("import jsn\n", 1, "did you mean 'json'"),
    ],
)
def test_an_import_that_no_image_has_is_refused_with_the_line(kernel, write, text: str, line: int, hint: str) -> None:
    with pytest.raises(AdderError, match=rf"app\.py:{line}: no image has a module '\w+': .*{hint}"):
        build(write("app.py", text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "import adder.led, os, syscall\nfrom adder import console\nimport asyncio\n",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n",
        "try:\n    import numpy\nexcept:\n    numpy = None\n",
        "from . import x\n",
        "if TYPE_CHECKING:\n    from typing import Any\n",
    ],
)
def test_other_imports_are_left_alone(kernel, write, text: str) -> None:
    build(write("app.py", text.encode()))


def test_a_module_beside_an_app_of_one_file_is_found_by_whoever_installs_the_folder(kernel, write) -> None:
    write("app/model.py", b"x = 1\n")
    main = write("app/main.py", b"import model\n")
    with pytest.raises(AdderError) as caught:
        build(main)
    assert f"{main}:1: the module 'model' lies beside it, and not in it: install the folder, app." in str(caught.value)
    assert build(main.parent).bytecode
    write("app/parts/__init__.py", b"import other\n")
    write("app/parts/other.py", b"")
    with pytest.raises(AdderError, match=r"'parts' lies beside it, .*both, in which fan\.py is called main\.py"):
        build(write("app/fan.py", b"import parts\n"))
    write("app/main.py", b"import parts\n")
    with pytest.raises(AdderError, match="no image has a module 'other'"):  # parts.other is what it is called
        build(main.parent)


def test_an_app_can_import_its_own_modules(kernel, write) -> None:
    write("app/helper.py", b"x = 1\n")
    (write("app/main.py", b"").parent / "lib").mkdir()
    write("app/lib/far.py", b"x = 1\n")
    build(write("app/main.py", b"import helper, far\n").parent)
    with pytest.raises(AdderError, match="did you mean 'helper'"):
        build(write("app/main.py", b"import helpr\n").parent)


def test_more_ram_than_any_board_has_is_refused(write) -> None:
    text = '# /// script\n# [tool.adder]\n# ram = "400K"\n# ///\n'
    with pytest.raises(AdderError, match="ram = 409600 is more than any board has, which is 262144"):
        build(write("app.py", text.encode()))
