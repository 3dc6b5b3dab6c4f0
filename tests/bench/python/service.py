"""The service of user.py: it answers, and turns the letters as apps/rot13.py does if the last byte asks for that."""

# /// script
# [tool.adder]
# name = "bench-service-py"
# ram = "12K"
# ///

from adder import ipc


def turned(byte):
    base = byte & 0x20 | 0x41
    return (byte - base + 13) % 26 + base if base <= byte < base + 26 else byte


TURNED = bytes(turned(byte) for byte in range(256))  # to look up is quicker than to compute


def rot13(buffer):
    for i in range(len(buffer)):
        buffer[i] = TURNED[buffer[i]]


service = ipc.Service("bench-service-py")
while True:
    client, buffer = service.wait()
    if buffer[31]:
        rot13(buffer)
    service.answer(client)
