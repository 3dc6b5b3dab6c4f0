# refused: CP005
"""The type names of the viper emitter, outside of it."""

def peek(address):
    return ptr32(address)[0]
