"""The verifier: it accepts the kernel's own Python, refuses each attack by the rule that is meant to, and no other."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adder.board import ROOT
from adder.verify import name_of, verify_program, verify_text
from adder.verify.command import EVERYTHING, files
from adder.verify.findings import INSTEAD
from adder.verify.functions import BUILTINS
from adder.verify.program import exports
from adder.verify.rules import RULES
from adder.verify.whitelist import (
    EXCEPTIONS,
    EXPRESSIONS,
    MODULES,
    OPERATORS,
    PARTS,
    RESERVED,
    SAFE,
    STATEMENTS,
    Kind,
)

OURS = list(files(tuple(ROOT / name for name in EVERYTHING)))
FETCHED = ROOT / "build" / ".micropython"  # written by the first build: where MicroPython's source is
PY = (ROOT / FETCHED.read_text().strip() if FETCHED.is_file() else ROOT / "build") / "py"
HEADER = re.compile(r"# refused: (CP\d\d\d)(?: as (board|component|hil))?(?: words: (\S+))?\n")
NAMES = {None: "evil", "board": "board", "component": "components.evil", "hil": "capsules.hil.evil"}

needs_micropython = pytest.mark.skipif(not PY.is_dir(), reason="MicroPython's source is fetched by the first build")


def rules_of(text: str, **options: object) -> list[str]:
    """The ids of the rules that a text breaks."""
    return sorted({finding.rule for finding in verify_text(text, "evil.py", **options)})


class Attack(NamedTuple):
    """A capsule that is refused: by which rule, and how it is to be verified."""

    name: str
    rule: str
    text: str
    profile: str | None
    function: str | None

    @property
    def options(self) -> dict[str, Any]:
        """What `verify_text` is given besides the text."""
        return {"name": NAMES[self.profile], "words": {"evil": self.function or ""}}


def attacks() -> Iterator[Attack]:
    """Those of `refused/`: a table for each rule; those with bytes that no table may have are files, with a header."""
    folder = ROOT / "tests" / "adversarial" / "hostile" / "refused"
    for path in sorted(folder.glob("*.toml")):
        for name, row in tomllib.loads(path.read_text()).items():
            assert row.keys() <= {"text", "as", "words"}, f"{path.name}: {name}"
            yield Attack(name, path.stem, row["text"], row.get("as"), row.get("words"))
    for path in sorted(folder.glob("*.py")):
        text = path.read_bytes().decode("latin-1")
        header = HEADER.match(text)
        assert header, f"{path.name} begins with `# refused: CPnnn`"
        rule, profile, function = header.groups()
        yield Attack(path.stem, rule, text, profile, function)


REFUSED = sorted(attacks())


# -- The kernel's own Python, and the attacks ------------------------------------


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_kernels_own_python_is_accepted(path: Path) -> None:
    assert [str(finding) for finding in verify_text(path.read_text(), path)] == []


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.name)
def test_an_attack_is_refused_by_one_rule_alone(attack: Attack) -> None:
    assert rules_of(attack.text, **attack.options) == [attack.rule]
    assert rules_of(attack.text, **attack.options, without={attack.rule}) == []


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.name for attack in REFUSED}) == len(REFUSED) > 480


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.name)
def test_an_attack_says_what_it_tries(attack: Attack) -> None:
    said = re.search(r'^"""(.+)', attack.text, re.MULTILINE)
    assert said
    assert len(said[1]) > 10


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_all_that_stops_some_attack(rule: str) -> None:
    assert rule in {attack.rule for attack in REFUSED}


# -- What MicroPython offers, compared with the lists ----------------------------


def table_names(pattern: str, text: str) -> set[str]:
    """The names in the C tables whose declaration matches."""
    tables = re.findall(rf"{pattern}\[\] = \{{(.*?)^\}};", text, re.MULTILINE | re.DOTALL)
    return {name for table in tables for name in re.findall(r"MP_ROM_QSTR\(MP_QSTR_(\w+)\)", table)}


UNREACHABLE = {
    "objstringio.c": "streams come from the module io",
    "objringio.c": "streams come from the module micropython",
    "modio.c": "streams come from the module io",
    "modthread.c": "locks come from the module _thread, which is switched off",
    "objrange.c": "a range stands in a for alone",
    "compile.c": "names of decorators",
    "modsys.c": "the module sys cannot be imported",
}
"""Files whose types no expression of Capsule Python can get hold of."""


@needs_micropython
def test_every_attribute_of_a_built_in_type_is_reserved_or_known_to_be_safe() -> None:
    attributes: set[str] = set()
    for path in PY.glob("*.c"):
        if path.name not in UNREACHABLE:
            text = path.read_text()
            attributes |= table_names(r"\w+_locals(?:_dict)?_table", text)
            attributes |= set(re.findall(r"attr == MP_QSTR_(\w+)", text))
    # slice.start, stop and step: there are no slices, and as names they are too good to lose
    public = {name for name in attributes if not name.startswith("_")} - {"start", "stop", "step"}
    assert {"format", "to_bytes", "sort", "args", "send", "indices"} <= public
    assert public <= RESERVED | SAFE


@needs_micropython
def test_reserved_names_exist() -> None:
    everything = "".join(path.read_text() for path in PY.glob("*.c"))
    assert {name for name in RESERVED | SAFE if f"MP_QSTR_{name}" not in everything} <= {"asdict", "capitalize"}


@needs_micropython
def test_every_other_built_in_name_is_refused() -> None:
    names = table_names(r"mp_module_builtins_globals_table", (PY / "modbuiltins.c").read_text())
    assert {"getattr", "bytearray", "BaseException", "len"} <= names
    for name in names - set(BUILTINS) - EXCEPTIONS:
        assert rules_of(f"def f(a):\n    return {name}(a)\n"), name
        assert rules_of(f"def f(a):\n    return {name}\n"), name
    for name in EXCEPTIONS - {"Exception"}:
        assert name in names


def test_what_the_trusted_modules_offer_is_on_no_list_of_forbidden_names() -> None:
    # firmware/port/upstream_*.c: modules of processes, which no capsule can import
    ours = [path for path in (ROOT / "firmware").rglob("*.c") if not path.name.startswith("upstream_")]
    methods = table_names(r"\w+_locals_table", "".join(path.read_text() for path in ours))
    assert {"schedule_upcall", "trigger", "enable"} <= methods
    assert not methods & RESERVED


def test_every_module_of_the_image_that_is_not_listed_is_refused() -> None:
    modules = ["uctypes", "struct", "array", "io", "sys", "gc", "machine", "builtins", "json", "re", "time", "adder"]
    for module in modules:
        assert module not in MODULES
        assert rules_of(f"import {module}\n") == ["CP003"]
        assert rules_of(f"from {module} import x\n") == ["CP003"]


# -- Each kind of syntax ---------------------------------------------------------

EXAMPLES = {
    "AsyncFor": "async def f(a):\n    async for x in a:\n        pass",
    "AsyncFunctionDef": "async def f():\n    pass",
    "AsyncWith": "async def f(a):\n    async with a:\n        pass",
    "Assert": "def f(a):\n    assert a",
    "Await": "def f(a):\n    return await a",
    "Delete": "def f(a):\n    del a",
    "Dict": "def f(a):\n    return {a: 1}",
    "DictComp": "def f(a):\n    return {x: 1 for x in a}",
    "Div": "def f(a):\n    return a / 2",
    "GeneratorExp": "def f(a):\n    return a.f(x for x in a)",
    "Global": "def f(a):\n    global X",
    "Lambda": "def f(a):\n    return lambda: a",
    "MatMult": "def f(a):\n    return a @ a",
    "Match": "def f(a):\n    match a:\n        case 1:\n            pass",
    "NamedExpr": "def f(a):\n    return (x := a)",
    "Nonlocal": "def f(a):\n    nonlocal x",
    "Pow": "def f(a):\n    return a ** 2",
    "Set": "def f(a):\n    return {a}",
    "SetComp": "def f(a):\n    return {x for x in a}",
    "Slice": "def f(a):\n    return a[1:]",
    "Starred": "def f(a):\n    a.f(*a)",
    "TryStar": "def f(a):\n    try:\n        a()\n    except* Exception:\n        pass",
    "TypeAlias": "type X = int",
    "With": "def f(a):\n    with a:\n        pass",
    "Yield": "def f(a):\n    yield a",
    "YieldFrom": "def f(a):\n    yield from a",
    "MatchAs": "def f(a):\n    match a:\n        case x:\n            pass",
    "MatchClass": "def f(a):\n    match a:\n        case X():\n            pass",
    "MatchMapping": "def f(a):\n    match a:\n        case {1: x}:\n            pass",
    "MatchOr": "def f(a):\n    match a:\n        case 1 | 2:\n            pass",
    "MatchSequence": "def f(a):\n    match a:\n        case [x]:\n            pass",
    "MatchSingleton": "def f(a):\n    match a:\n        case None:\n            pass",
    "MatchStar": "def f(a):\n    match a:\n        case [*x]:\n            pass",
    "MatchValue": "def f(a):\n    match a:\n        case 1:\n            pass",
    "match_case": "def f(a):\n    match a:\n        case 1:\n            pass",
    "withitem": "def f(a):\n    with a:\n        pass",
}

ABSTRACT = {
    "AST", "mod", "stmt", "expr", "expr_context", "boolop", "operator", "unaryop", "cmpop", "excepthandler", "pattern",
    "type_ignore", "type_param", "slice",
}  # fmt: skip
NEVER_PARSED = {
    # other roots, what Python no longer makes, and what only stands within a construct that is refused
    "Expression", "Interactive", "FunctionType", "Suite", "TypeIgnore", "Num", "Str", "Bytes", "NameConstant",
    "Ellipsis", "Index", "ExtSlice", "AugLoad", "AugStore", "Param", "Del", "TypeVar", "ParamSpec", "TypeVarTuple",
    "TemplateStr", "Interpolation",
}  # fmt: skip


def test_every_node_class_is_on_a_list_or_has_an_example() -> None:
    classes = {
        name
        for name, value in vars(ast).items()
        if isinstance(value, type) and issubclass(value, ast.AST) and not name.startswith("_")
    }
    listed = {node.__name__ for node in (*STATEMENTS, *EXPRESSIONS, *OPERATORS, *PARTS)}
    assert classes - ABSTRACT - NEVER_PARSED - listed <= set(EXAMPLES)
    assert not listed & set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_node_that_is_not_listed_is_refused(kind: str) -> None:
    if not hasattr(ast, kind):
        pytest.skip("this Python has no such node")
    text = EXAMPLES[kind] + "\n"
    assert kind in {type(node).__name__ for node in ast.walk(ast.parse(text))}
    assert "CP002" in rules_of(text)


# -- What is allowed -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n    while True:\n        x = a()\n        if x:\n            break\n    return x\n",
        "def f(a):\n    if a:\n        x = 1\n    else:\n        raise ValueError(a)\n    return x\n",
        "def f(a):\n    try:\n        x = a()\n    except Exception:\n        return None\n    return x\n",
        "def f(a):\n    try:\n        a()\n    except ValueError as e:\n        raise e\n"
        "    except (OSError, IndexError) as e:\n        a(e)\n",
        "def f(a):\n    for i in range(3):\n        a(i * 2)\n    return [i * 3 for i in range(9) if i]\n",
        "def f(a):\n    x, y = 1, 2\n    x, y = y, x + 1\n    return x * y\n",
        "def f(a):\n    n = len(a)\n    n -= 1\n    n = n + int(a.size())\n    return n * int(a.width()) % 7\n",
        "def f(a):\n    return 'at %08x: %-5s %%' % (a.now(), a.name())\n",
        'def f(a, b):\n    return f"{a.name[0]} of {b:>08x}"\n',
        "def f(a):\n    x = []\n    x.append(a)\n    return ''.join(x)\n",
        "X = (1, 'a', b'b', (None, True), -1)\nY = X\n",
        "class A:\n    STEP = 5\n\n    def __init__(self, x: 'int' = 0) -> None:\n        self._x, self.y = x, A(2)\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from kernel import Grant\n\n\n"
        "def f(a: 'Grant | None') -> \"tuple[int, ...]\":\n    return (a, 1)\n",
        "def f(a):\n    return max(1, min(a, 2), abs(-3)) if a is not None and not a.b in (1, 2) else chr(ord('x'))\n",
        "class A:\n    def f(self, a):\n        for self.x in a:\n            self.x.go()\n",
    ],
)  # fmt: skip
def test_ordinary_code_is_accepted(text: str) -> None:
    assert rules_of(text) == []


def test_a_board_may_name_modules_and_pass_recipes() -> None:
    text = (
        "import mint\n\nimport config\nfrom capsules.core import led\n\n"
        "leds = ()\nif config.CAPSULE_LED:\n    shared = mint.serve('led', led, "
        "lambda grant: led.LedDriver(leds, grant).command)\n"
        "leds = mint.build('x', lambda: 1)\nmore = mint.grant(1, led.LAYOUT)\n"
    )
    assert rules_of(text, name="board") == []
    assert rules_of(text, name="boards.qemu.board") == []
    assert "CP004" in rules_of(text, name="boards.qemu.other")
    assert "CP004" in rules_of(text, name="capsules.core.board")


@pytest.mark.parametrize("profile", ["evil", "board", "components.evil", "capsules.hil.evil"])
@pytest.mark.parametrize("line", ["import uctypes", "exec('x')", "x = a.__class__", "@viper\ndef f(a): pass", "del a"])
def test_no_kind_of_file_may_do_everything(profile: str, line: str) -> None:
    assert rules_of(line + "\n", name=profile)


# -- How findings read -----------------------------------------------------------


def test_a_finding_names_its_place_and_the_remedy() -> None:
    text = "class A:\n    def f(self, led):\n        led.on = 1\n"
    (finding,) = verify_text(text, "capsules/core/led.py", "capsules.core.led")
    assert str(finding).startswith("capsules/core/led.py:3:9: CP007 attribute of another object assigned: 'led.on'; ")
    assert finding.for_machines()["line"] == 3
    assert finding.for_machines()["remedy"] == RULES["CP007"].remedy


def test_all_findings_come_in_one_run_in_the_order_of_the_file() -> None:
    found = verify_text("import sys\nX = []\ndel X\n\n\ndef f(a):\n    a._x()\n    a.b = 1\n", "evil.py")
    assert [(finding.line, finding.rule) for finding in found] == [
        (1, "CP003"), (2, "CP013"), (3, "CP002"), (7, "CP008"), (8, "CP007"),
    ]  # fmt: skip


def test_a_program_is_verified_as_a_whole(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    program = {
        "capsules.x.one": (one, "LIMIT = 3\n\n\ndef make():\n    return LIMIT\n"),
        "capsules.x.two": (two, "from capsules.x.one import LIMIT, make\n\n\ndef f():\n    return make(LIMIT * 2)\n"),
    }
    assert verify_program(program) == []
    program["capsules.x.two"] = (two, "from capsules.x.one import other\n")
    assert [finding.path for finding in verify_program(program)] == [str(two)]


def test_the_words_functions_of_the_configuration_are_checked() -> None:
    text = "class LedDriver:\n    def other(self, number: int):\n        return number()\n"
    assert rules_of(text, name="capsules.core.led") == []
    assert rules_of(text.replace("other", "command"), name="capsules.core.led") == ["CP021", "CP022"]


def test_modules_are_named_as_they_are_imported() -> None:
    assert name_of(ROOT / "capsules" / "core" / "led.py") == "capsules.core.led"
    assert name_of(ROOT / "board" / "components" / "alarm.py") == "components.alarm"
    assert name_of(ROOT / "boards" / "qemu" / "board.py") == "boards.qemu.board"


# -- Whatever is thrown at it ----------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="xself_.()[]{}:=,*%+1'\"f\n #@\\defclassiforwhilyunportm", max_size=120))
def test_any_text_has_a_verdict(text: str) -> None:
    verify_text(text, "evil.py")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_capsule_with_an_attack_in_any_function_is_refused(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path in OURS if {"core", "drivers", "virtual"} & set(path.parts)]))
    lines = path.read_text().splitlines()
    tree = ast.parse("\n".join(lines))
    bodies = [node.body[0] for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    place = data.draw(st.sampled_from(bodies))
    line = data.draw(st.sampled_from(["x = eval('1')", "self.a.b = 1", "self.__class__", "del self", "x = self.y._z"]))
    lines.insert(place.lineno - 1, " " * place.col_offset + line)
    assert verify_text("\n".join(lines) + "\n", path)


@pytest.mark.parametrize("text", ["", "\n", "#", '"""Only a docstring."""\n'])
def test_an_empty_module_is_accepted(text: str) -> None:
    assert rules_of(text) == []


def test_a_very_deep_expression_is_no_crash() -> None:
    assert rules_of("def f(a):\n    return " + "-" * 5000 + "a\n")
    assert rules_of("def f(a):\n    return " + "a + " * 20000 + "a\n")
    assert rules_of("def f(a):\n    return a" + ".b" * 3000 + "\n")
    chain = "def f(a):\n    if a:\n        pass\n" + "    elif a:\n        pass\n" * 900
    assert rules_of(chain) == ["CP018"]


# -- The command -----------------------------------------------------------------


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adder", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_number_of_thousands_of_digits_is_no_crash() -> None:
    number = f"0x{'f' * 5000}"
    places = (
        f"X = max({number})",
        f"def f(a: {number}):\n    return a.{'x' * 5000}(max({number}))",
        f"X = f(lambda a={number}: 1)",
    )
    for text in places:
        found = verify_text(text + "\n")
        assert found
        assert all(len(str(finding)) < 1000 for finding in found)


def test_a_module_that_is_imported_may_hold_any_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.py"
    other.write_bytes(b"X = 1  # \xff\n")
    monkeypatch.setattr("adder.verify.program.path_of", lambda name: other)
    assert exports({}, "capsules.other") == {"X": Kind.NUMBER}


def test_the_command_lists_findings_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "evil.py"
    path.write_text("import uctypes\n")
    result = run(path)
    assert result.returncode == 1
    assert f"{path}:1:1: CP003 " in result.stdout
    assert "1 finding in 1 of 1 file;" in result.stdout


def test_the_command_accepts_good_files(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("X = 1\n")
    result = run(tmp_path)
    assert (result.returncode, result.stdout) == (0, "1 file is Capsule Python\n")


def test_the_command_writes_json(tmp_path: Path) -> None:
    path = tmp_path / "evil.py"
    path.write_text("import uctypes\ndef f(:\n")
    result = run("--json", path)
    (found,) = json.loads(result.stdout)
    assert result.returncode == 1
    assert set(found) == {"file", "line", "column", "rule", "title", "message", "remedy"}
    assert (found["rule"], found["line"]) == ("CP001", 2)


def test_the_command_explains_its_rules() -> None:
    listing = run("--rules")
    assert all(rule in listing.stdout for rule in RULES)
    result = run("--explain", "cp007")
    assert result.returncode == 0
    assert RULES["CP007"].reason in result.stdout


@pytest.mark.parametrize("arguments", [("--explain", "CP999"), ("/nonexistent.py",)])
def test_the_command_says_what_is_wrong_in_one_sentence(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("adder: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_all_that_it_should(rule) -> None:
    assert rule.title
    assert rule.reason.endswith(".")
    assert not rule.remedy.endswith(".")
    assert rule.example


def test_the_document_lists_every_rule() -> None:
    text = (ROOT / "docs" / "capsule-python.md").read_text()
    assert len(RULES) > 20
    for rule in RULES.values():
        assert f"| {rule.id} |" in text


def test_kinds_of_names_are_used() -> None:
    assert {kind for names in MODULES.values() for kind in names.values()} <= set(Kind)


def test_an_operator_is_refused_where_it_stands() -> None:
    (finding,) = verify_text("def f(a):\n    b = 1\n    b **= a\n    return b\n", "evil.py")
    assert (finding.line, finding.rule) == (3, "CP002")


def test_of_an_interface_one_imports_numbers_and_types() -> None:
    head = '"""X."""\n\nfrom capsules.hil.gpio import PULL_UP, Pin\n\n\ndef f(pin: Pin) -> None:\n'
    assert rules_of(head + "    pin.make_input(PULL_UP)\n") == []
    assert rules_of(head + "    pin.use(Pin)\n") == ["CP012"]
    assert rules_of(head + "    Pin.make_input(pin, PULL_UP)\n") == ["CP012"]
    assert rules_of(head + "    PULL_UP.x = 1\n") != []


WITHOUT = {
    "AsyncFunctionDef": "async def g() -> None:\n        pass",
    "Assert": "assert a", "Delete": "del a", "Dict": "a = {}",
    "DictComp": "a = {b: b for b in c}", "Div": "a = 1 / 2", "GeneratorExp": "a = (b for b in c)", "Global": "global a",
    "Lambda": "a = lambda: 1", "Match": "match a:\n        case 1:\n            pass", "MatMult": "a = 1 @ 2",
    "NamedExpr": "if (b := a):\n        pass", "Pow": "a = 2 ** 3",
    "Set": "a = {1, 2}",
    "SetComp": "a = {b for b in c}", "Slice": "a = a[1:2]", "Starred": "a = (*a, 1)",
    "With": "with a:\n        pass", "Yield": "a = yield", "YieldFrom": "a = yield from a",
    "complex constant": "a = 1j",
    "ellipsis constant": "a = ...", "float constant": "a = 1.5",
}  # fmt: skip


@pytest.mark.parametrize("construct", INSTEAD)
def test_a_construct_that_people_miss_is_answered_with_what_to_write_instead(construct: str) -> None:
    text = f"def f(a: int, c: int) -> None:\n    {WITHOUT[construct]}\n"
    found = [one for one in verify_text(text, Path("capsules/core/x.py")) if one.rule == "CP002"]
    assert INSTEAD[construct] in {one.remedy for one in found}, (construct, [str(one) for one in found])


def test_a_syntax_error_is_called_one() -> None:
    (found,) = verify_text("def f(:\n    pass\n", Path("capsules/core/x.py"))
    assert "no Python: " in str(found)
    assert "ASCII" not in str(found)
