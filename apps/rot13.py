"""An IPC service: turns each letter of the client's buffer by 13 places.

    make run APPS="rot13-py rot13-client rot13-client-py"

Clients: rot13_client.py in Python, rot13-client/ in C. The service neither knows nor cares.
"""

# /// script
# [tool.adder]
# name = "rot13-py"
# ram = "10K"
# ///

from adder import ipc


def turned(byte):
    base = byte & 0x20 | 0x41
    return (byte - base + 13) % 26 + base if base <= byte < base + 26 else byte


TURNED = bytes(turned(byte) for byte in range(256))  # to look up is quicker than to compute


def rot13(buffer):
    for i in range(len(buffer)):
        buffer[i] = TURNED[buffer[i]]


service = ipc.Service("rot13-py")
print("rot13: at your service")
while True:
    client, buffer = service.wait()
    if buffer is not None:
        rot13(buffer)
    service.answer(client)
