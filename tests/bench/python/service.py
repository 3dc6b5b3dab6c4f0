"""The service of user.py: it answers, and does nothing else."""

# /// script
# [tool.adder]
# name = "bench-service-py"
# ram = "12K"
# ///

from adder import ipc

service = ipc.Service("bench-service-py")
while True:
    client, buffer = service.wait()
    buffer[0] ^= 1
    service.answer(client)
