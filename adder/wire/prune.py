"""Leaves out what is there for wiring alone: names in modules that no function uses, names of modules and files.

A module's dictionary keeps what its functions name, a class's all but the names of itself and its module, and an
`__init__` that nobody calls any more. The tables are made anew, hardly larger than what is in them: they never grow.
"""

from collections.abc import Callable
from dataclasses import dataclass

from adder.wire.compare import Wired
from adder.wire.objects import FIXED, Heap

OF_A_CLASS = ("__module__", "__qualname__")


@dataclass(frozen=True)
class Entry:
    """A name in a dictionary, and what it stands for."""

    key: int
    value: int
    pointer: bool


def prune(wired: Wired, heap: Heap) -> None:
    """Change the memory that the kernel left when it was wired. All of `heap` is to be found anew then."""
    classes = [block.address for block in heap.blocks.values() if block.kind == "mp_type_type"]
    wired.modules |= {class_: heap.module_of(class_) for class_ in classes}
    for block in heap.blocks.values():
        if block.kind == "mp_type_module" and (dictionary := wired.word(block.address + 4)) in heap.blocks:
            name = next((value for key, value in heap.entries(dictionary) if key == "__name__"), 0)
            used = heap.sources.used(wired.qstr(name >> 3) if name & 7 == 2 else "")
            used -= {key for key, value in heap.entries(dictionary) if is_left_out(wired, value)}
            shorten(wired, dictionary, used.__contains__)
    for class_ in classes:
        if (dictionary := heap.locals_of(class_)) in heap.blocks:
            entries = heap.entries(dictionary)
            kept = {key for key, value in entries if key not in OF_A_CLASS and not is_for_wiring(wired, value)}
            shorten(wired, dictionary, kept.__contains__)
    shorten_names(wired, heap)


def is_for_wiring(wired: Wired, function: int) -> bool:
    """Whether it is a function whose code is not in the image any more."""
    if function % 4 or not wired.kernel.types.get(wired.word(function), "").startswith("mp_type_fun_"):
        return False
    return is_left_out(wired, wired.word(function + 12))


def is_left_out(wired: Wired, address: int) -> bool:
    """Whether what is there is not in the image any more, `mint` for instance."""
    return wired.kernel.symbols["_wiring_code_start"] <= address < wired.kernel.symbols["_wiring_end"]


# -- Dictionaries: mp_map_t (py/obj.h, py/map.c) ----------------------------------------------


def shorten(wired: Wired, dictionary: int, keeps: Callable[[str], bool]) -> None:
    """Keep the entries whose names `keeps` wants."""
    map_, table = dictionary + 4, wired.word(dictionary + 12)
    head, alloc = wired.word(map_), wired.word(map_ + 4)
    entries = [
        Entry(wired.word(at), wired.word(at + 4), at + 4 in wired.pointers)
        for at in range(table, table + 8 * alloc, 8)
        if wired.word(at) not in (0, 4)  # MP_OBJ_SENTINEL
    ]
    if not head & FIXED or not all(entry.key & 7 == 2 for entry in entries):
        return
    kept = [entry for entry in entries if keeps(wired.qstr(entry.key >> 3))]
    for at in range(table, table + 8 * alloc, 4):
        wired.put(at, 0, pointer=False)
    hashes = [hash_of(wired, entry.key >> 3) for entry in kept]
    # At least one entry is empty: there a search for what is not in the table ends.
    least = len(kept) + 1
    sizes = range(least, min(alloc, least + least // 3) + 1)
    size, places = min(((size, placed(hashes, size)) for size in sizes), key=lambda one: (far(hashes, *one), one[0]))
    for entry, place in zip(kept, places, strict=True):
        wired.put(table + 8 * place, entry.key, pointer=False)
        wired.put(table + 8 * place + 4, entry.value, entry.pointer)
    wired.put(map_, head & 7 | len(kept) << 3, pointer=False)
    wired.put(map_ + 4, size, pointer=False)
    wired.tables[table] = size


def placed(hashes: list[int], size: int) -> list[int]:
    """Where entries with these hashes go in a table."""
    places: list[int] = []
    for hash_ in hashes:
        place = hash_ % size
        while place in places:
            place = (place + 1) % size
        places.append(place)
    return places


def far(hashes: list[int], size: int, places: list[int]) -> int:
    """How far they are from where a search for them begins."""
    return sum((place - hash_) % size for hash_, place in zip(hashes, places, strict=True))


def hash_of(wired: Wired, number: int) -> int:
    """The hash of a name (py/qstr.c)."""
    found = 5381
    for byte in wired.qstr(number).encode():
        found = (found * 33 ^ byte) & 0xFFFFFFFF
    return found & (1 << 8 * wired.kernel.facts["qstr hash bytes"]) - 1 or 1


# -- Names that are not in flash: pools of them, the newest first (py/qstr.h) --------------------


def shorten_names(wired: Wired, heap: Heap) -> None:
    """The interpreter's list of names ends with the last one that something refers to."""
    variable = wired.kernel.state("vm.last_pool")
    pools = [wired.word(variable)]
    while pools[-1] in heap.blocks:
        pools.append(wired.word(pools[-1]))
    if len(pools) < 2:
        return
    first, constant = pools[-2], pools[-1]
    begin = wired.word(first + 4) & 0x7FFFFFFF
    now = Heap(wired, heap.sources)
    named = [number for number in names_in(wired, now) if number >= begin]
    count = max(named, default=begin - 1) + 1 - begin
    if count > wired.word(first + 12):
        return
    if count == 0:
        wired.put(variable, constant, pointer=False)
        return
    wired.put(variable, first, pointer=True)
    wired.put(first + 12, count, pointer=False)
    texts = first + wired.kernel.facts["qstrs"]
    for at in range(texts + 4 * count, texts + 4 * wired.word(first + 8), 4):
        wired.put(at, 0, pointer=False)


def names_in(wired: Wired, heap: Heap) -> list[int]:
    """All that may be the number of a name: as an object, in a class, or a capsule's."""
    words = [
        wired.word(at)
        for block in heap.blocks.values()
        for at in range(block.address, block.end, 4)
        if at not in wired.pointers
    ]
    kernel = wired.kernel
    words += [wired.word(at) for at in range(kernel.symbols["_bss_start"], kernel.symbols["_bss_end"], 4)]
    found = [word >> 3 for word in words if word & 7 == 2]
    found += [wired.word(block.address + 4) >> 16 for block in heap.blocks.values() if block.kind == "mp_type_type"]
    return found + [wired.capsule_name(index) for index in range(1, wired.byte(kernel.symbols["capsule_count"]) + 1)]
