# refused: CP019
"""A parameter that passes for the options: its attribute, a list, for a number."""

def f(config):
    return config.SIZE * 0x40000001
