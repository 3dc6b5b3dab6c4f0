"""A sensor logger: measures the temperature every second, shows it, and keeps the extremes.

    make run APPS="logger-py"

On a board with storage (driver 0x50001) the extremes outlive a reset.
"""

# /// script
# [tool.adder]
# name = "logger-py"
# ram = "14K"
# permissions = ["alarm", "console", "temperature", "storage"]
# storage = { write_id = 1, read_ids = [1], modify_ids = [1] }
# ///

import asyncio
import struct

from adder import alarm, storage
from adder.sensors import temperature

RECORD = "<4sff"
MAGIC = b"log1"


def load():
    """The coldest and the warmest so far."""
    try:
        magic, coldest, warmest = struct.unpack(RECORD, storage.read(0, struct.calcsize(RECORD)))
    except (OSError, ValueError):
        magic = None
    return (coldest, warmest) if magic == MAGIC else (1000.0, -1000.0)


def save(coldest, warmest):
    try:
        storage.write(0, struct.pack(RECORD, MAGIC, coldest, warmest))
    except OSError:
        pass  # a board without storage


async def main():
    if not temperature.exists():
        print("logger: this board has no temperature sensor")
        return
    coldest, warmest = load()
    while True:
        now = await temperature.get()
        print(f"logger: {now:.2f} {temperature.unit}, coldest {min(now, coldest):.2f}, warmest {max(now, warmest):.2f}")
        if now < coldest or now > warmest:
            coldest, warmest = min(now, coldest), max(now, warmest)
            save(coldest, warmest)
        await alarm.sleep(1)


asyncio.run(main())
