"""More processes share memory with one than it has MPU regions: it reaches all that is alive, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

SERVICE = """
import syscall
import time
import uctypes
from adder import ipc

told = {}
def come(client, length, address):
    told[client] = (length, address)
own = ipc.find("keeper")
syscall.subscribe(0x10000, own, come)
while len(told) < 4:
    syscall.yield_wait(1000)
held = {client: uctypes.bytearray_at(address, length) for client, (length, address) in told.items()}
for turn in range(50):
    for client in held:
        for other in held:  # two at a time, in each order
            held[client][turn % 32] = held[other][turn % 32 + 64] + 1
sizes = sorted(len(one) for one in held.values())
print("keeper: held", sizes, sorted(set(bytes(one[:32]) for one in held.values())) == [bytes([8] * 32)])
for client in held:
    syscall.command(0x10000, 3, client)
time.sleep_ms(1000)  # one ends
left = []
for client in held:
    try:
        syscall.command(0x10000, 6, client)
        left.append(client)
    except OSError:
        gone = client
print("keeper: left", len(left), sorted(held[client][0] for client in left))
beyond = uctypes.bytearray_at(told[left[0]][1] + WHERE, 4)
print("keeper: reads", WHERE)
print("keeper: read", beyond[0])
"""

CLIENT = """
import syscall
import time
from adder import ipc

time.sleep_ms(100)
service = ipc.find("keeper")
buffer = ipc.shared(SIZE)
for i in range(len(buffer)):
    buffer[i] = 7
syscall.allow_rw(0x10000, service, buffer)
done = []
syscall.subscribe(0x10000, service, lambda *_: done.append(1))
syscall.command(0x10000, 2, service)
while not done:
    syscall.yield_wait(1000)
print(NAME, "sees", buffer[0])
while STAYS:
    time.sleep_ms(1000)
"""


@pytest.mark.parametrize("where", [-256, 4096])
def test_a_service_holds_what_four_clients_share_and_outlives_one_but_reads_no_further(
    simulation: Any, python_app: Any, where: int
) -> None:
    keeper = python_app(SERVICE.replace("WHERE", str(where)), name="keeper", ram='"14K"')
    clients: list[Path] = []
    for number, size in enumerate((128, 128, 288, 128)):  # 288 bytes may need two regions
        name = f"client{number}"
        text = CLIENT.replace("SIZE", str(size)).replace("NAME", repr(name)).replace("STAYS", str(number != 1))
        clients.append(python_app(text, name=name, ram='"11K"'))
    with simulation(keeper, *clients) as board:
        board.expect(r"keeper: held \[128, 128, 128, \d+\] True", timeout=30)
        board.expect(r"keeper: left 3 \[8, 8, 8\]", timeout=30)
        board.expect(rf"keeper: reads {where}")
        board.expect(r"App: keeper   -   \[Faulted\]", timeout=20)
        assert "keeper: read " not in board.transcript
        for number in range(4):
            assert f"client{number} sees 8" in board.transcript


SLOW = """
import time
from adder import ipc
service = ipc.Service("slow")
while True:
    client, buffer = service.wait()
    print("slow: asked", bytes(buffer[:6]))
    time.sleep_ms(300)
    buffer[:6] = bytes(buffer[:6]).upper()
    service.answer(client)
"""

ANEW = """
import syscall, time
from adder import ipc, storage
life = storage.read(0, 1)[0] + 1 & 255
storage.write(0, bytes([life]))
client = ipc.Client("slow", 64)
client.buffer[:6] = b"life%02d" % life
if life < 2:
    client.notify()
    time.sleep_ms(100)
    syscall.restart()
time.sleep_ms(ASKS)
before = bytes(client.buffer[:6])
client.notify()
client.wait()
print("anew: asked", before, "is answered", bytes(client.buffer[:6]))
time.sleep(1000)
"""


@pytest.mark.parametrize("asks", [0, 400], ids=["asks again before the answer", "after it"])
def test_an_answer_to_a_question_of_ones_last_life_is_not_for_this_one(
    simulation: Any, python_app: Any, asks: int
) -> None:
    text = ANEW.replace("ASKS", str(asks))
    apps = [python_app(SLOW, name="slow", ram='"24K"'), python_app(text, name="anew", ram='"24K"')]
    with simulation(*apps) as board:
        found = board.expect(r"anew: asked b'(\w+)' is answered b'(\w+)'", timeout=20)
        assert found[1].lower() == found[2].lower() == found[1] != found[2], board.transcript
        asked = [line for line in board.transcript.splitlines() if line.startswith("slow: asked")]
        assert not any("LIFE" in line for line in asked), "an answer was written over its question"


HEARS = """
import syscall
import time
from adder import ipc

own = ipc.find("hears")
heard = []
syscall.subscribe(0x10000, own, lambda client, length, address: heard.append((client, length)))
start = time.ticks_ms()
print("hears: computes")
while time.ticks_diff(time.ticks_ms(), start) < 400:
    pass
if WAITS_FOR:
    for _ in range(3):
        heard.append(syscall.yield_wait_for(0x10000, own)[:2])
else:
    while syscall.yield_wait(300):
        pass
print("heard:", sorted((ipc_name, length) for ipc_name, length in ((names[c], n) for c, n in heard)))
"""

SPEAKS = """
import syscall
import time
import uctypes
from adder import ipc

own, hears = ipc.find(NAME), ipc.find("hears")
first = syscall.command(0x10000, 6, own) <= 5  # of its lives, of which each of the board's has a number
time.sleep_ms(100)
syscall.allow_rw(0x10000, hears, ipc.shared(32 if first else 64))
LINES
"""

SPEAKERS = {
    "ends": "syscall.command(0x10000, 2, hears)",
    "faults": "if first:\n    syscall.command(0x10000, 2, hears)\n    uctypes.bytearray_at(0, 1)[0]\n"
    "else:\n    time.sleep(1000)",
    "again": "syscall.command(0x10000, 2, hears)\n"
    "if first:\n    syscall.command(0x10000, 2, hears)\n    syscall.restart()\n"
    "time.sleep(1000)",
    "stays": "for _ in range(2):\n    syscall.command(0x10000, 2, hears)\ntime.sleep(1000)",
}


@pytest.mark.parametrize("waits_for", [False, True])
def test_what_a_process_has_told_another_is_gone_with_it_and_not_said_for_its_next_life(
    simulation: Any, python_app: Any, waits_for: bool
) -> None:
    names = dict(enumerate(["hears", *SPEAKERS]))
    hears = HEARS.replace("WAITS_FOR", str(waits_for)).replace("names[", f"{names}[")
    apps = [python_app(hears, name="hears", ram='"14K"')]
    for name, lines in SPEAKERS.items():
        apps.append(python_app(SPEAKS.replace("NAME", repr(name)).replace("LINES", lines), name=name, ram='"10K"'))
    with simulation(*apps) as board:
        board.expect("hears: computes")
        found = board.expect(r"heard: (.*)\r", timeout=20)
        assert found[1].decode() == "[('again', 64), ('stays', 32), ('stays', 32)]"


WORKERS = """
import asyncio, gc
from adder import ipc

service = ipc.Service("works")

async def work():
    while True:
        client, buffer = await service.request()
        if buffer is None:
            service.answer(client)
            continue
        question = bytes(buffer[:6])
        if question[0] != 0x71:
            await asyncio.sleep_ms(400)
        buffer[:] = question.upper() + bytes(94)  # longer than what is shared: it moves
        buffer[64:] = b""
        gc.collect()
        others = [bytearray(b"secret" * 10) for _ in range(20)]
        service.answer(client)
        if any(bytes(other) != b"secret" * 10 for other in others):
            print("works: an object of its own has changed")

async def main():
    await asyncio.gather(work(), work())
asyncio.run(main())
"""

ASKS = """
import asyncio, syscall, time
from adder import ipc, storage

life = storage.read(0, 1)[0] + 1 & 255
storage.write(0, bytes([life]))
client, bell = ipc.Client("works", 64), ipc.Client("works")
client.buffer[:6] = b"slow%02d" % life
client.notify()
time.sleep_ms(200)
if life < 1:
    syscall.restart()
client.wait()
print("asks:", bytes(client.buffer))

async def main():
    for between in (0, 1000):
        client.buffer[:6] = b"slow_%d" % (between > 0)
        try:
            await asyncio.wait_for(client.ask(), 0.1)
        except asyncio.TimeoutError:
            pass
        client.buffer[:6] = b"q%05d" % between
        await asyncio.sleep_ms(between)
        if between:
            await bell.ask()
        await client.ask()
        print("asks:", bytes(client.buffer))
    print("asks: all")
asyncio.run(main())
"""


def test_each_answer_is_to_its_question_though_its_service_has_two_workers_and_its_client_gives_up_and_restarts(
    simulation: Any, python_app: Any
) -> None:
    apps = [python_app(WORKERS, name="works", ram='"24K"'), python_app(ASKS, name="asks", ram='"24K"')]
    with simulation(*apps) as board:
        board.expect("asks: all", timeout=20)
        answers = [line.strip() for line in board.transcript.splitlines() if line.startswith("asks: b")]
        assert answers == [f"asks: {text.ljust(64, bytes(1))!r}" for text in (b"SLOW01", b"Q00000", b"Q01000")]
        assert "has changed" not in board.transcript


def test_a_client_that_gave_up_a_question_asks_its_next_though_the_service_has_failed_with_the_last(
    simulation, python_app
) -> None:
    service = python_app(
        """
import time, syscall
from adder import ipc, storage
service = ipc.Service("svc")
first = storage.read(0, 1)[0] == 255
while True:
    client, buffer = service.wait()
    if first and bytes(buffer[:5]) == b"hang_":
        storage.write(0, b"\\0")
        time.sleep_ms(600)
        syscall.restart()
    buffer[:5] = bytes(buffer[:5]).upper()
    service.answer(client)
""",
        name="svc",
        ram=20480,
    )
    client = python_app(
        """
import asyncio
from adder import ipc
client = ipc.Client("svc", 32)
async def ask(question, seconds):
    client.buffer[:5] = question
    try:
        await asyncio.wait_for(client.ask(), seconds)
        print(question, "is answered", bytes(client.buffer[:5]))
    except asyncio.TimeoutError:
        print(question, "is given up")
async def main():
    await ask(b"first", 3)
    await ask(b"hang_", 0.2)
    await asyncio.sleep(1)
    for question in (b"secon", b"third"):
        await ask(question, 3)
asyncio.run(main())
""",
        name="cli",
        ram=32768,
    )
    with simulation(service, client) as board:
        for line in (
            "first' is answered b'FIRST",
            "hang_' is given up",
            "secon' is answered b'SECON",
            "third' is answered b'THIRD",
        ):
            board.expect(line, timeout=20)
