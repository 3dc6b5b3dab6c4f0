"""Counts its starts in the storage."""

# /// script
# [tool.adder]
# name = "store"
# ram = "16K"
# permissions = ["alarm", "console", "storage"]
# storage = { write_id = 7, read_ids = [7], modify_ids = [7] }
# ///

from adder import storage

try:
    size = storage.size()
except OSError:
    print("store: no driver")
    raise SystemExit
found = storage.read(0, 5)
starts = found[4] + 1 if found[:4] == b"runs" else 1
storage.write(0, b"runs" + bytes([starts]))
print("store: start", starts)
