# refused: CP007
"""A function, no method, that writes an attribute."""

def patch(led):
    led.on = 1
