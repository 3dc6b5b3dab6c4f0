"""A client of the service rot13-py: has a text turned once a second, twice turned is the text again."""

# /// script
# [tool.adder]
# name = "rot13-client-py"
# ram = "10K"
# ///

import time

from adder import ipc


def connect():
    while True:
        try:
            return ipc.Client("rot13-py", 32)
        except OSError:
            time.sleep_ms(100)  # not started yet


text = b"Uryyb sebz Clguba"
service = connect()
while True:
    service.buffer[: len(text)] = text
    service.notify()
    service.wait()
    text = bytes(service.buffer[: len(text)])
    print("rot13 for Python:", text.decode())
    time.sleep_ms(1000)
