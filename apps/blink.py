"""Blinks LED 0: the smallest useful Python app.

    make run APPS="blink-py"
"""

# /// script
# [tool.adder]
# name = "blink-py"
# ram = "8K"
# stack = 2560
# permissions = ["alarm", "led", "console"]
# ///

import time

from adder import led

while True:
    led.toggle(0)
    time.sleep_ms(500)
