"""Shows the temperature every second."""

# /// script
# [tool.adder]
# name = "thermometer"
# ram = "16K"
# permissions = ["alarm", "console", "temperature"]
# ///

import time

from adder.sensors import temperature

while True:
    print("temperature: %.2f" % temperature.read())
    time.sleep(1)
