// The wired part of the image: see wired.h.

#include "arch/cortex_m4/registers.h"
#include "core/running.h"
#include "core/wired.h"
#include "py/gc.h"
#include "py/mpstate.h"

#define BLOCK_BYTES (MICROPY_BYTES_PER_GC_BLOCK)

// Safety: the build has written where to, and a check of its own has seen that all of it lies in the kernel's RAM
// (adder/wire/check.py). Nothing is in the RAM yet, so this uses no variable.
bool wired_fill_ram(void) {
    if (!is_wired()) {
        return false;
    }
    const uint32_t *at = _wired.ram;
    while (at != _wired.ram_end) {
        uint32_t *to = (uint32_t *)*at++;
        uint32_t words = *at++;
        bool zeros = words & WIRED_ZEROS;
        words &= ~WIRED_ZEROS;
        #ifdef __arm__ // and not where the fuzzer's kernel runs
        uint32_t quads = words & ~3u;
        words &= 3; // at the end of a piece
        if (quads != 0 && zeros) { // what the compiler makes of a loop takes four times as long
            __asm volatile ("mov r3, #0\n mov r4, r3\n mov r5, r3\n mov r6, r3\n"
                "1: stmia %0!, {r3-r6}\n subs %1, %1, #4\n bne 1b"
                : "+r" (to), "+r" (quads) :: "r3", "r4", "r5", "r6", "cc", "memory");
        } else if (quads != 0) {
            __asm volatile ("1: ldmia %1!, {r3-r6}\n stmia %0!, {r3-r6}\n subs %2, %2, #4\n bne 1b"
                : "+r" (to), "+r" (at), "+r" (quads) :: "r3", "r4", "r5", "r6", "cc", "memory");
        }
        #endif
        for (; words != 0; words--) {
            *(volatile uint32_t *)to++ = zeros ? 0 : *at++; // no call of memset() for a few words
        }
    }
    return true;
}

// Safety: only drivers' own writes are in the list, each made through a window of the manifest when the kernel was wired.
void wired_write_registers(void) {
    for (const wired_write_t *one = _wired.writes; one != _wired.writes_end; one++) {
        // Reading can have an effect of its own: what is written whole is not read.
        uint32_t others = one->mask == 0xffffffff ? 0 : REGISTER(one->address) & ~one->mask;
        REGISTER(one->address) = others | one->value;
    }
}

unsigned wired_owner(const void *object) {
    const uint8_t *place = object;
    if (is_wired()) {
        for (const wired_part_t *part = &_wired.flash; part <= &_wired.changing; part++) {
            if (place >= part->start && place < part->end) {
                return part->owners[(place - part->start) / BLOCK_BYTES];
            }
        }
    }
    return CONTAIN_KERNEL;
}
_Static_assert(offsetof(wired_t, changing) == offsetof(wired_t, flash) + sizeof(wired_part_t), "side by side");

// Objects in flash refer to others in flash or to those that change, and these to anything.
void wired_collect_roots(void) {
    if (is_wired()) {
        gc_collect_root((void **)_wired.changing.start, (_wired.changing.end - _wired.changing.start) / sizeof(void *));
    }
}

__attribute__((noinline)) void wiring_begins(void) {
    __asm volatile ("" ::: "memory");
}

__attribute__((noinline)) void wiring_is_over(void) {
    __asm volatile ("" ::: "memory");
}

// -- What the build has to know of the interpreter's state ---------------------

#define STATE(member) { #member, offsetof(mp_state_ctx_t, member) }

WIRE_FACTS = {
    STATE(mem),
    { "mem end", offsetof(mp_state_ctx_t, mem) + sizeof(mp_state_mem_t) },
    STATE(mem.area.gc_alloc_table_start),
    STATE(mem.area.gc_pool_start),
    STATE(mem.area.gc_pool_end),
    STATE(vm.last_pool),
    STATE(vm.qstr_last_chunk),
    STATE(vm.qstr_last_alloc),
    STATE(vm.qstr_last_used),
    STATE(vm.map_lookup_cache),
    { "map_lookup_cache end", offsetof(mp_state_ctx_t, vm.map_lookup_cache) + sizeof(((mp_state_vm_t *)NULL)->map_lookup_cache) },
    STATE(vm.mp_loaded_modules_dict),
    STATE(vm.dict_main),
    STATE(vm.mp_sys_argv_obj.items),
    { "qstrs", offsetof(qstr_pool_t, qstrs) },
    { "qstr hash bytes", MICROPY_QSTR_BYTES_IN_HASH },
    { "block", BLOCK_BYTES },
};
