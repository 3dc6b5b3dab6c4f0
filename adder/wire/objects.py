"""The objects of a wired kernel: each block of the heap that something refers to, its kind, and whether it changes.

What a block is follows from who refers to it: the kernel's variables and objects refer to objects, which begin with
their type; a list refers to its items, a dictionary to its table, and so on. A type that is not known here ends the
build.
"""

from dataclasses import dataclass, field

from adder.errors import AdderError
from adder.wire.compare import Wired
from adder.wire.places import Sources

OBJECT, TABLE, ITEMS, BYTES, POOL, STORAGE = "object", "table", "items", "bytes", "pool of names", "bytes of a buffer"


@dataclass(frozen=True)
class Kind:
    """How objects of a type are treated. `parts` are words that refer to something else than an object.

    The heap gives memory in pieces of 16 bytes; `words` is how much an object of that type needs, if that is always the
    same.
    """

    words: int = 0
    changes: bool = False
    parts: dict[int, str] = field(default_factory=dict)


TYPES = {
    "mp_type_dict": Kind(words=4, parts={3: TABLE}),  # of a module or class: read-only since the seal
    "mp_type_module": Kind(words=4),
    "mp_type_type": Kind(),
    "mp_type_fun_bc": Kind(),
    "mp_type_fun_native": Kind(),
    "mp_type_fun_viper": Kind(),
    "mp_type_bound_meth": Kind(words=3),
    "callback_type": Kind(words=3),
    "mp_type_closure": Kind(),
    "mp_type_cell": Kind(words=2, changes=True),
    "mp_type_tuple": Kind(),
    "mp_type_list": Kind(words=4, changes=True, parts={3: ITEMS}),
    "mp_type_int": Kind(words=4, parts={3: BYTES}),
    "mp_type_str": Kind(words=4, parts={3: BYTES}),
    "mp_type_bytes": Kind(words=4, parts={3: BYTES}),
    "registers_type": Kind(words=2),
    "register_field_type": Kind(words=4),
    "field_operation_type": Kind(words=3),
    "interrupt_line_type": Kind(words=2),
    "flash_range_type": Kind(words=3),
    "grant_type": Kind(words=2),
    "layout_type": Kind(words=5),
    "shared_type": Kind(words=3),
    "deferred_type": Kind(words=4, changes=True),
    "take_cell_type": Kind(words=2, changes=True),
    "buffer_type": Kind(words=6, changes=True, parts={1: STORAGE}),
}
"""Types of the interpreter and of the core. Words are counted from 0, the type."""

INSTANCE = "instance"
LIST = "mp_type_list"
GROWN = 5
"""A list that has so many items was made one by one: it gets no more, and the places for them are left out."""

FIXED = 2  # mp_map_t.is_fixed

# mp_obj_type_t: where the slots begin, and which byte says which of them is the dictionary of the class.
SLOTS_AT, SLOTS_FROM, LOCALS_SLOT = 20, 8, 19
STORAGE_HEAD = 20  # of storage_t: its length in the last word's lower half


@dataclass
class Block:
    """A piece of the heap, as it was allocated."""

    address: int
    size: int
    kind: str
    """A name of TYPES, "instance", or what else it is."""
    changes: bool
    owner: int
    """The capsule that has made it."""
    what: str = ""
    """For people: the class of an instance, and the like."""

    needs: int = 0
    """Of its size, what is used: the first so many bytes."""

    @property
    def end(self) -> int:
        return self.address + self.size


class Heap:
    """Finds the blocks that are alive."""

    def __init__(self, wired: Wired, sources: Sources) -> None:
        self.wired, self.sources = wired, sources
        kernel = wired.kernel
        self.block = kernel.facts["block"]
        self.pool = wired.word(kernel.state("mem.area.gc_pool_start"))
        self.pool_end = wired.word(kernel.state("mem.area.gc_pool_end"))
        self.marks = wired.word(kernel.state("mem.area.gc_alloc_table_start"))
        self.owners = wired.word(kernel.symbols["block_owners"])
        self.blocks: dict[int, Block] = {}
        self._waiting: list[Block] = []
        self._from_variables()
        while self._waiting:
            self._follow(self._waiting.pop())
        self.blocks = dict(sorted(self.blocks.items()))

    # -- The heap as py/gc.c keeps it: two bits a block -----------------------------------------

    def _mark(self, number: int) -> int:
        return self.wired.byte(self.marks + number // 4) >> 2 * (number % 4) & 3

    def _whole(self, pointer: int) -> tuple[int, int]:
        """Where the piece begins that a pointer leads to, and its size."""
        if not self.pool <= pointer < self.pool_end:
            raise AdderError(f"0x{pointer:08x} is the address of no object.")
        first = (pointer - self.pool) // self.block
        while self._mark(first) == 2:
            first -= 1
        if self._mark(first) != 1:
            raise AdderError(f"0x{pointer:08x} is the address of an object that is no more.")
        last = first + 1
        while self._mark(last) == 2:
            last += 1
        return self.pool + first * self.block, (last - first) * self.block

    # -- From reference to reference ---------------------------------------------------------------

    def left_out(self, address: int) -> bool:
        """Variables that start again at boot: the collector's, hints, and what is left on the stack of frames."""
        kernel = self.wired.kernel
        collector = kernel.state("mem") <= address < kernel.state("mem end")
        frames = 0 <= address - kernel.symbols["pystack"] < kernel.sizes["pystack"]
        names = address in (kernel.state("vm.qstr_last_chunk"), kernel.symbols["block_owners"])
        hints = kernel.state("vm.map_lookup_cache") <= address < kernel.state("map_lookup_cache end") - 3
        return collector or frames or names or hints

    def _from_variables(self) -> None:
        kernel, wired = self.wired.kernel, self.wired
        kinds = {
            kernel.state("vm.last_pool"): POOL,
            kernel.state("vm.dict_main") + 12: TABLE,
            kernel.state("vm.mp_sys_argv_obj.items"): ITEMS,
            kernel.symbols["storages"]: STORAGE,
        }
        for address in sorted(wired.pointers):
            if wired.variables <= address < kernel.symbols["_bss_end"] and not self.left_out(address):
                self._reach(
                    wired.word(address), kinds.get(address, OBJECT), False, f"the kernel's variable at 0x{address:08x}"
                )

    def _reach(self, pointer: int, kind: str, changes: bool, by: str) -> None:
        address, size = self._whole(pointer)
        if kind == OBJECT and pointer != address:
            raise AdderError(f"0x{pointer:08x}, in {by}, is no object, but differs like the address of one.")
        known = self.blocks.get(address)
        if kind != OBJECT:
            name, changes, what = kind, changes or kind in (ITEMS, STORAGE), ""
        else:
            name, changes, what = self._type(address, by)
        if known is not None:
            if known.kind != name:
                raise AdderError(f"The object at 0x{address:08x} is {known.kind} for some, and {name} for {by}.")
            return
        owner = self.wired.byte(self.owners + (address - self.pool) // self.block) & 0x7F
        block = Block(address, size, name, changes, owner, what)
        block.needs = self._needs(block)
        self.blocks[address] = block
        self._waiting.append(block)

    def _needs(self, block: Block) -> int:
        """How many bytes are in use. What is not known to be less is all of it."""
        wired, at = self.wired, block.address
        count = 0
        if block.kind == INSTANCE:
            count = 4
        elif block.kind in TYPES:
            count = TYPES[block.kind].words
        if block.kind == "mp_type_tuple":
            count = 2 + wired.word(at + 4)
        elif block.kind == "mp_type_type":
            count = SLOTS_AT // 4 + max(wired.byte(at + slot) for slot in range(SLOTS_FROM, SLOTS_AT))
        elif block.kind == STORAGE:
            count = (STORAGE_HEAD + (wired.word(at + 16) & 0xFFFF) + 3) // 4
        elif block.kind == TABLE and at in wired.tables:
            count = 2 * wired.tables[at]
        rest = range(at + (4 * count or block.size), at + block.size, 4)
        if 4 * count > block.size or any(map(wired.word, rest)):
            raise AdderError(f"The {block.kind} at 0x{at:08x} is longer than it can be.")
        return 4 * count or block.size

    def _type(self, address: int, by: str) -> tuple[str, bool, str]:
        """Of an object: the name of its type, whether it changes, and what to call it."""
        wired = self.wired
        type_ = wired.word(address)
        if address in wired.pointers:  # a class of Python
            return INSTANCE, False, wired.qstr(wired.word(type_ + 4) >> 16)
        name = wired.kernel.types.get(type_, "")
        if name not in TYPES:
            raise AdderError(
                f"{by[:1].upper()}{by[1:]} refers to an object of the type '{name or hex(type_)}', which cannot be"
                " wired: adder/wire/objects.py does not know it."
            )
        changes = TYPES[name].changes
        if name == "mp_type_dict":
            changes = not wired.word(address + 4) & FIXED
        return name, changes, name.removeprefix("mp_type_").removesuffix("_type")

    def _follow(self, block: Block) -> None:
        wired = self.wired
        parts: dict[int, str] = {}
        changes = block.changes
        if block.kind == INSTANCE:
            parts = {3: TABLE}
            changes = self._instance_changes(block)
        elif block.kind in TYPES:
            parts = TYPES[block.kind].parts
        elif block.kind == POOL:
            parts = {0: POOL} | dict.fromkeys(range(4, block.size // 4), BYTES)
        elif block.kind == STORAGE:
            parts = {0: STORAGE}
        for word in range(block.size // 4):
            if block.address + 4 * word not in wired.pointers:
                continue
            pointer = wired.word(block.address + 4 * word)
            if block.kind == POOL and block.address <= pointer < block.end:
                continue  # a pool's own tables
            if block.kind == BYTES or (block.kind == STORAGE and word > 4):
                raise AdderError(f"An address lies in the {block.kind} at 0x{block.address:08x}.")
            kind = parts.get(word, OBJECT)
            self._reach(
                pointer, kind, changes if kind in (TABLE, ITEMS) else False, f"an object of type '{block.what}'"
            )
        if block.kind == LIST and wired.word(block.address + 8) >= GROWN:
            self.blocks[self._whole(wired.word(block.address + 12))[0]].needs = 4 * wired.word(block.address + 8)

    # -- Instances ---------------------------------------------------------------------------------

    def _instance_changes(self, block: Block) -> bool:
        """Whether attributes are assigned later than in __init__. All must be there: a table in flash cannot grow."""
        wired = self.wired
        class_ = wired.word(block.address)
        found = self.sources.class_(self.module_of(class_), block.what)
        if found is None:
            raise AdderError(
                f"{wired.capsule(block.owner)} has an object of the class '{block.what}', which no module has."
            )
        _, alloc, table = (wired.word(block.address + 4 * word) for word in (1, 2, 3))
        present = {wired.qstr(wired.word(table + 8 * i) >> 3) for i in range(alloc) if wired.word(table + 8 * i)}
        for name, line in sorted(found.later.items(), key=lambda item: item[1]):
            if name not in present:
                raise AdderError(
                    f"{found.path}:{line}: '{name}' is assigned here, but not in __init__"
                    f" ({wired.capsule(block.owner)}). All attributes of what is made when the kernel is built must be"
                    " assigned there."
                )
        return bool(found.later)

    def locals_of(self, class_: int) -> int:
        """The dictionary of a class."""
        slot = self.wired.byte(class_ + LOCALS_SLOT)
        return self.wired.word(class_ + SLOTS_AT + 4 * (slot - 1)) if slot else 0

    def module_of(self, class_: int) -> str:
        """The module of a class, which its methods know."""
        wired = self.wired
        if class_ in wired.modules:
            return wired.modules[class_]
        for key, value in self.entries(self.locals_of(class_)):
            type_ = wired.kernel.types.get(wired.word(value) if value % 4 == 0 and value else 0, "")
            if key != "__init__" and not type_.startswith("mp_type_fun_"):
                continue
            context = wired.word(value + 4)
            for name, text in self.entries(wired.word(context + 4)):
                if name == "__name__":
                    return wired.qstr(text >> 3)
        return ""

    def entries(self, dictionary: int) -> list[tuple[str, int]]:
        """Keys that are names, and values."""
        wired = self.wired
        if not dictionary:
            return []
        alloc, table = wired.word(dictionary + 8), wired.word(dictionary + 12)
        pairs = ((wired.word(table + 8 * i), wired.word(table + 8 * i + 4)) for i in range(alloc))
        return [(wired.qstr(key >> 3), value) for key, value in pairs if key & 7 == 2]
