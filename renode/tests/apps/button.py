"""Says when button 0 goes down and up."""

# /// script
# [tool.adder]
# name = "button"
# ram = "16K"
# permissions = ["alarm", "console", "button"]
# ///

from adder import button

try:
    print("button:", button.count(), "buttons")
except OSError:
    print("button: no driver")
    raise SystemExit
presses = 0
while True:
    button.wait_pressed(0)
    presses += 1
    print("button: pressed", presses)
    button.wait_released(0)
    print("button: released", presses)
