"""Takes each check of the verifier away, one after the other, and says which of them nothing in test_verify.py misses.

`python tests/host/verifier_mutants.py` prints those places as a list in JSON. Each is looked at in a process of its
own, in which the verifier is loaded anew without that statement: on the refused attacks first, since one of them
nearly always gets through, and else by the other tests.
"""

import ast
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "adder" / "verify"
SEEN = ("test_an_attack_is_refused_by_one_rule_alone", "test_an_attack_says", "kernels_own_python_is_accepted")
"""Tests of test_verify.py that need not be run again: the first is what has been done, the others miss no refusal."""

REFUSE = ("self.refuse(", "report.add(", "self.report.add(", "self.names.report.add(")


def places() -> Iterator[tuple[str, int]]:
    """Every statement that refuses: its file and line."""
    for path in sorted(VERIFIER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Expr) and ast.unparse(node).startswith(REFUSE):
                yield path.name, node.lineno


class Without(ast.NodeTransformer):
    """Takes the statement at a line away."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.text = ""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if node.lineno != self.line:
            return node
        self.text = ast.unparse(node)
        return ast.copy_location(ast.Pass(), node)


class Mutant(SourceFileLoader):
    """Loads the one file that is another."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Finder:
    """Comes before Python's own finders."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(
            name,
            self.path,
            loader=Mutant(name, str(self.path), self.code),
            submodule_search_locations=[str(VERIFIER)] if self.path.name == "__init__.py" else None,
        )


Attacks = list[tuple[str, dict[str, object]]]
"""The rule that refuses each attack, and what `verify_text` is given."""


def is_missed(file: str, line: int, attacks: Attacks) -> bool:
    """Whether some attack is refused otherwise by a verifier without that statement. Changes this process for good."""
    taken = Without(line)
    tree = ast.fix_missing_locations(taken.visit(ast.parse((VERIFIER / file).read_text())))
    module = "adder.verify" if file == "__init__.py" else f"adder.verify.{Path(file).stem}"
    sys.meta_path.insert(0, Finder(module, VERIFIER / file, compile(tree, file, "exec")))  # type: ignore[arg-type]
    for name in [name for name in sys.modules if name.startswith("adder.verify")]:
        del sys.modules[name]
    from adder.verify import verify_text

    # The attacks that the statement's own rule refuses come first: one of them nearly always gets through.
    own = re.findall(r"CP\d{3}", taken.text)
    for rule, options in sorted(attacks, key=lambda attack: attack[0] not in own):
        try:
            if {finding.rule for finding in verify_text(path="evil.py", **options)} != {rule}:  # type: ignore[arg-type]
                return True
        except Exception:
            return True
    return False


def other_tests() -> int:
    """How pytest ends with the tests of test_verify.py that are not of the attacks: 1 if one fails."""
    import pytest

    del sys.modules["test_verify"]
    os.dup2(2, 1)  # what it says is for whoever looks for a mistake
    path = ROOT / "tests" / "host" / "test_verify.py"
    plain = ("-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT))
    return int(pytest.main(["-x", "-q", *plain, "-k", f"not ({' or '.join(SEEN)})", str(path)]))


def main() -> None:
    """Print the places that nobody misses."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "host")]
    from test_verify import REFUSED

    attacks: Attacks = [(attack.rule, {"text": attack.text, **attack.options}) for attack in REFUSED]
    kept = []
    for file, line in sorted(places()):
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = 1 if is_missed(file, line, attacks) else other_tests()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            kept.append((file, line))
        elif code != 1:
            sys.exit(f"{file}:{line}: it ended with {code}")
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
