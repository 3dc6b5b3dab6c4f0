"""The nRF52840, simulated in this process: a Cortex-M4 by Unicorn, its exceptions and peripherals in Python.

It boots the kernel's own image of each board anywhere Python runs, in the board's time alone. It is quick and small,
and no judge of isolation: there is no MPU (QEMU's board has one).
"""
