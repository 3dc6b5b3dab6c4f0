# refused: CP001
"""A break outside of loops: the syntax tree has it, the language does not."""

def f(a):
    if a:
        break
    return a
