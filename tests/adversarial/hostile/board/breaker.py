# policy: RESTART
"""Not Capsule Python: tries to change a sealed kernel, from a command and from a recipe that is run again.

Command 1 makes all attempts, command 2 fails, so that the recipe makes all of them.
"""

import cells
import kernel
import mint
from capsules.hostile import victim as victim_module
from capsules.hostile.victim import Victim
from cells import Buffer
from kernel import SUCCESS, Layout, log

counter = 0


def module(name):
    """While the board is wired, imports work; of what the kernel has."""
    try:
        return __import__(name)
    except ImportError:
        return None


builtins, sys = module("builtins"), module("sys")


def nothing(*_):
    pass


def import_mint(powers):
    import mint as again

    return again


def import_uctypes(powers):
    import uctypes

    return uctypes


def import_name(powers):
    from cells import TakeCell

    return TakeCell


def import_call(powers):
    return __import__("gc")


def import_builtin_call(powers):
    return builtins.__import__("uctypes")


def import_in_exec(powers):
    exec("import uctypes")


def import_submodule(powers):
    import capsules.core.led

    return capsules


def mint_registers(powers):
    return mint.registers("uart0")


def mint_interrupt(powers):
    return mint.interrupt("uart0", "rx")


def mint_software_interrupt(powers):
    return mint.software_interrupt()


def mint_grant(powers):
    return mint.grant(0xBAD002, Layout(u32=1))


def mint_build(powers):
    return mint.build("more", nothing)


def mint_serve(powers):
    return mint.serve("more", powers.grant, nothing)


def mint_share_memory(powers):
    return mint.share_memory(powers.grant)


def mint_kernel_log(powers):
    return mint.kernel_log()


def mint_process_control(powers):
    return mint.process_control()


def mint_process_loader(powers):
    return mint.process_loader()


def module_attribute(powers):
    victim_module.DRIVER_NUM = 1


def module_new_attribute(powers):
    victim_module.more = 1


def module_set(powers):
    setattr(victim_module, "Victim", nothing)


def module_delete(powers):
    del victim_module.Victim


def module_globals(powers):
    globals()["more"] = 1


def module_modules(powers):
    sys.modules["more"] = sys


def module_modules_replaced(powers):
    sys.modules["cells"] = sys


def global_changed(powers):
    global counter
    counter = 1


def global_new(powers):
    global more
    more = 1


def global_deleted(powers):
    global counter
    del counter


def global_in_exec(powers):
    exec("more = 1")


def class_attribute(powers):
    Victim.plus = nothing


def class_new_attribute(powers):
    Victim.more = nothing


def class_set(powers):
    setattr(Victim, "command", nothing)


def class_delete(powers):
    del Victim.plus


def class_of_an_object(powers):
    type(powers.victim).command = nothing


def class_of_powers(powers):
    powers.__class__.more = nothing


def core_module(powers):
    kernel.SUCCESS = 1


def core_module_set(powers):
    setattr(cells, "Buffer", nothing)


def core_mint(powers):
    mint.more = 1


def core_type(powers):
    Buffer.copy = nothing


def core_type_new(powers):
    type(powers.grant).more = nothing


def core_constant(powers):
    kernel.ErrorCode.FAIL = 0


def core_object(powers):
    powers.grant.more = 1


def builtin_changed(powers):
    builtins.len = nothing


def builtin_set(powers):
    setattr(builtins, "__import__", nothing)


def new_buffer(powers):
    return Buffer(16)


ALL = (
    import_mint, import_uctypes, import_name, import_call, import_builtin_call, import_in_exec, import_submodule,
    mint_registers, mint_interrupt, mint_software_interrupt, mint_grant, mint_build, mint_serve, mint_share_memory,
    mint_kernel_log, mint_process_control, mint_process_loader, module_attribute, module_new_attribute, module_set,
    module_delete, module_globals, module_modules, module_modules_replaced, global_changed, global_new, global_deleted,
    global_in_exec, class_attribute, class_new_attribute, class_set, class_delete, class_of_an_object, class_of_powers,
    core_module, core_module_set, core_mint, core_type, core_type_new, core_constant, core_object, builtin_changed,
    builtin_set, new_buffer,
)  # fmt: skip


def make_all(where, powers):
    for attempt in ALL:
        try:
            attempt(powers)
            log("%s: %s: DONE" % (where, attempt.__name__))
        except Exception as error:
            log("%s: %s: %s %s" % (where, attempt.__name__, type(error).__name__, error))


class Attack:
    def __init__(self, powers):
        self._powers = powers
        if powers.buffer[0]:
            make_all("recipe", powers)
        powers.buffer[0] = 1

    def attack(self, number, first, second, process):
        if number == 1:
            make_all("command", self._powers)
            return SUCCESS
        raise ValueError("so that it is made again")
