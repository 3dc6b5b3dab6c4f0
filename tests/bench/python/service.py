"""The service of user.py: it answers, and turns the letters as apps/rot13.py does if the last byte asks for that."""

# /// script
# [tool.adder]
# name = "bench-service-py"
# ram = "12K"
# ///

from adder import ipc


def rot13(buffer):
    for i, byte in enumerate(buffer):
        base = byte & 0x20 | 0x41
        if base <= byte < base + 26:
            buffer[i] = (byte - base + 13) % 26 + base


service = ipc.Service("bench-service-py")
while True:
    client, buffer = service.wait()
    if buffer[31]:
        rot13(buffer)
    service.answer(client)
