"""Makes a program that was found smaller: takes statements away, one after the other, while what was found stays."""

import ast
import copy
from collections.abc import Callable, Iterator

from grammar import Program


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for part in ("body", "orelse"):
            body = getattr(node, part, None)
            if isinstance(body, list) and not isinstance(node, ast.Module):
                yield body


def _smaller(tree: ast.Module) -> Iterator[ast.Module]:
    """Each tree with one statement less, the largest first; what is left of a block is never nothing."""
    places = [(i, j) for i, body in enumerate(_bodies(tree)) for j in range(len(body))]
    sizes = {(i, j): len(ast.dump(body[j])) for i, body in enumerate(_bodies(tree)) for j in range(len(body))}
    for i, j in sorted(places, key=lambda place: -sizes[place]):
        made = copy.deepcopy(tree)
        body = list(_bodies(made))[i]
        if isinstance(body[j], ast.Pass):
            continue
        if isinstance(body[j], ast.Try | ast.If | ast.For | ast.While):  # what it holds may do without it
            inner = copy.deepcopy(made)
            place = list(_bodies(inner))[i]
            place[j : j + 1] = place[j].body  # type: ignore[attr-defined]
            yield inner
        body[j : j + 1] = [] if len(body) > 1 else [ast.Pass()]
        yield made


def reduce(program: Program, still: Callable[[Program], bool], most: int = 2000) -> Program:
    """The smallest program that was found with at most so many tries."""
    best = program
    tries = 0
    found = True
    while found and tries < most:
        found = False
        for tree in _smaller(ast.parse(best.text)):
            tries += 1
            text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
            words = " ".join(name for name in best.words.split() if f"def {name.split('.')[1]}(" in text)
            smaller = Program(text, words, best.emit)
            if len(smaller.text) < len(best.text) and still(smaller):
                best, found = smaller, True
                break
            if tries >= most:
                break
    return best
