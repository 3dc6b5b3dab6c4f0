"""No function of the Python library waits without a test in which tasks give up and drivers refuse.

Which functions wait is read in the library's source; which are tested is seen when the tests' models run. So a module
that is added is missed here, whatever it waits by, until it is in `QUESTIONS` or the property test's app uses it.
"""

import ast
import asyncio
import importlib
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from app_library import SyscallError, library
from app_questions import QUESTIONS
from test_app_modules import World
from test_app_requests import App, run

from adder.board import ROOT

WAITS = {"yield_wait", "yield_wait_within", "yield_no_wait", "wait", "arrive", "ask", "expect"}
"""What ends in a wait, by the name that is called."""
SOURCES = {path.stem: path for path in (ROOT / "apps" / "library" / "adder").glob("*.py")}
MECHANISM = {"__init__", "upcall"}
"""What the others wait by."""
SEEDS = range(180)

ELSEWHERE = {
    "console.read": 'tests/system/test_python_waiting.py: "console.read(5)",',
    "ipc.Service.wait": "tests/host/test_app_requests.py: def test_a_service_outlives_clients_that_end_share",
    "ipc.Service.request": "tests/host/test_app_requests.py: def test_each_request_goes_to_one_task_of_a_service",
}
NEVER_REFUSED = {
    "alarm.sleep": "asyncio's own",
    "alarm.sleep_ms": "asyncio's own",
    "console.read_line": "asyncio's streams",
}


def called(node: ast.AST) -> set[str]:
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}


def is_public(name: str) -> bool:
    return not name.split(".")[-1].startswith("_")


Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_awaited(node: Function) -> bool:
    return isinstance(node, ast.AsyncFunctionDef) or "Awaitable" in ast.unparse(node.returns or ast.Constant(None))


def functions(text: str) -> dict[str, Function]:
    """A module's functions and methods."""
    body = ast.parse(text).body
    classes = [(f"{node.name}.", node.body) for node in body if isinstance(node, ast.ClassDef)]
    places = [("", body), *classes]
    return {prefix + node.name: node for prefix, nodes in places for node in nodes if isinstance(node, Function)}


def waiting(text: str) -> set[str]:
    """A module's public functions that wait, also those that do so by its private ones."""
    inside = functions(text)
    found = {
        name
        for name, node in inside.items()
        if is_awaited(node) or WAITS & called(node) or "sys.stdin" in ast.unparse(node)
    }
    while True:
        private = {name.split(".")[-1] for name in found if not is_public(name)}
        more = {name for name, node in inside.items() if private & called(node)}
        if more <= found:
            return {name for name in found if is_public(name)}
        found |= more


def all_that_wait() -> set[str]:
    modules = SOURCES.keys() - MECHANISM
    found = {f"{module}.{name}" for module in modules for name in waiting(SOURCES[module].read_text())}
    assert found >= ELSEWHERE.keys()
    return found - ELSEWHERE.keys()


class Ends:
    """How each function has ended, under its name."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.seen: dict[str, set[str]] = defaultdict(set)

    async def awaited(self, name: str, result: Awaitable[Any]) -> Any:
        try:
            value = await result
        except asyncio.CancelledError:
            self.seen[name].add("given up")
            raise
        except SyscallError:
            self.seen[name].add("refused")
            raise
        self.seen[name].add("answered")
        return value

    def watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                result = function(*arguments, **keywords)
            except SyscallError:
                self.seen[name].add("refused")
                raise
            if inspect.isawaitable(result):
                return self.awaited(name, result)
            self.seen[name].add("answered")
            return result

        return call

    def watch(self) -> None:
        """In the library's modules as they are now."""
        for name in self.names:
            module, *path, last = name.split(".")
            holder: Any = importlib.import_module(f"adder.{module}")
            for part in path:
                holder = getattr(holder, part)
            setattr(holder, last, self.watched(name, getattr(holder, last)))


@pytest.fixture(scope="module")
def ends() -> Iterator[Ends]:
    """After runs of the property test's app."""
    made = Ends(all_that_wait())
    begin = App.__init__

    def watched(self: App, *arguments: Any) -> None:
        made.watch()
        begin(self, *arguments)

    App.__init__ = watched  # type: ignore[method-assign]
    try:
        for seed in SEEDS:
            run(seed)
    finally:
        App.__init__ = begin  # type: ignore[method-assign]
    return made


def asked_alone() -> set[str]:
    """Those that a question names: tests/host/test_app_modules.py has each given up, refused, failed."""
    made = Ends(all_that_wait())
    for question in QUESTIONS:
        with library() as kernel:
            made.watch()
            World(kernel, question).check_next()
    return {name for name, seen in made.seen.items() if "answered" in seen}


def missing(name: str, ends: Ends) -> set[str]:
    """How this function has never ended, though it can."""
    module, _, inside = name.partition(".")
    wanted = {"answered", "refused"} - ({"refused"} if name in NEVER_REFUSED else set())
    if is_awaited(functions(SOURCES[module].read_text())[inside]):
        wanted.add("given up")
    return wanted - ends.seen[name]


def test_each_function_that_waits_is_given_up_and_refused_in_a_test(ends) -> None:
    rest = all_that_wait() - asked_alone()
    never = {name: how for name in sorted(rest) if (how := missing(name, ends))}
    assert never == {}, "let the app of test_app_requests.py do it, or add it to app_questions.py"


WAYS_TO_WAIT = {
    "a handler": "def read():\n    syscall.subscribe(9, 0, _come)\n    while not come:\n        syscall.yield_wait()\n",
    "an event": "class Knob:\n    def turned(self):\n        return _changed.expect(0).wait()\n",
    "a request": "def read():\n    return _source().ask(1)\n",
    "a private one": "def _ask():\n    _all().ask()\ndef _twice():\n    _ask()\ndef read():\n    return _twice()\n",
    "a task": "async def get():\n    return await _flag.wait()\n",
    "what asyncio makes": "def nap() -> 'Awaitable[None]':\n    return asyncio.sleep_ms(1)\n",
    "the console": "def read():\n    return sys.stdin.read(1)\n",
}


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
def test_whichever_way_a_new_function_waits_it_is_seen(way) -> None:
    quick = "def on(led):\n    syscall.command(2, 1, led)\ndef _idle():\n    syscall.yield_wait()\n"
    assert len(waiting(WAYS_TO_WAIT[way])) == 1
    assert waiting(quick) == set()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_tested_elsewhere_is_there(name) -> None:
    path, _, what = ELSEWHERE[name].partition(": ")
    assert what in (ROOT / path).read_text()
