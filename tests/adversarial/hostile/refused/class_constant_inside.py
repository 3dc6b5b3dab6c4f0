# refused: CP013
"""A function as a constant of a class: it becomes a method."""

def PEEK(victim):
    return victim


class Evil:
    RUN = PEEK
