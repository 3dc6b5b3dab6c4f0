"""Functions of the library of Python apps that only send a command, made cheaper on their way into the image.

    def toggle(led: int = 0) -> None:
        command(_DRIVER, 3, led)

is `toggle = prepared(_DRIVER, 3, 0, 1)` there: an object in C (firmware/python_process/syscall_module.c) that takes no
argument or one, and needs half the RAM of a function and no frame. What it does not have is names for its arguments.
"""

import ast

MOST_ARGUMENTS = 2


def with_prepared(text: str) -> str:
    """The module's text with such functions made so; as it is if it has none."""
    tree = ast.parse(text)
    found = False
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef) and (command := _only_command(node)) is not None:
            tree.body[at] = _prepared(node, command)
            found = True
    if not found:
        return text
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "syscall":
            node.names.append(ast.alias("prepared"))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def is_prepared(function: ast.stmt) -> bool:
    """Whether a function of a module is one of these in the image, where its arguments have no names."""
    return isinstance(function, ast.FunctionDef) and _only_command(function) is not None


def _only_command(function: ast.FunctionDef) -> ast.Call | None:
    """The call of `command` or `syscall.command` that is all the function does."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if len(body) != 1 or not isinstance(body[0], ast.Expr | ast.Return) or function.decorator_list:
        return None
    call = body[0].value
    arguments = function.args
    names = [argument.arg for argument in arguments.args]
    if (
        not isinstance(call, ast.Call)
        or ast.unparse(call.func) not in ("command", "syscall.command")
        or call.keywords
        or arguments.posonlyargs
        or arguments.kwonlyargs
        or arguments.vararg
        or arguments.kwarg
        or len(names) > MOST_ARGUMENTS
        or any(ast.unparse(default) != "0" for default in arguments.defaults)
        or any(isinstance(part, ast.Name) and part.id in names for word in call.args[:2] for part in ast.walk(word))
        or [ast.unparse(word) for word in call.args[2:]] != names
    ):
        return None
    return call


def _prepared(function: ast.FunctionDef, command: ast.Call) -> ast.Assign:
    most = len(function.args.args)
    numbers: list[ast.expr] = [ast.Constant(most - len(function.args.defaults)), ast.Constant(most)]
    maker = ast.parse(ast.unparse(command.func).replace("command", "prepared"), mode="eval").body
    return ast.Assign([ast.Name(function.name, ast.Store())], ast.Call(maker, [*command.args[:2], *numbers], []))
