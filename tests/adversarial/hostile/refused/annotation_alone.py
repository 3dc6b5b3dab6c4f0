# refused: CP002
"""Declares a local that gets no value: what a function reads of it is a word of the stack."""


def attack(a):
    x: "int"
    return a
