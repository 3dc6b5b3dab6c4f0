# refused: CP027 as board
"""A board that asks a register what to wire."""

import mint

clock = mint.registers("clock")
mint.build("clock", lambda: clock.read(0x400))
