// Faulty: does one forbidden thing, which the argument names.
//
// Shows:   faults are contained and reported; the kernel's fault policy.
// Build:   make apps                  (build/apps/faulty-*.tbf, one for each thing), or
//          adder tbf build/apps/faulty.elf --name peek --argument "read 0x40004000" -o peek.tbf
// Run:     make run APPS="faulty-read-kernel blink"
// Expect:  faulty: read-kernel
//          and the kernel's fault report. A forbidden thing that nothing stopped gives
//          faulty: read-kernel was not stopped
//          and completion code 1; one that has no effect on this processor (divide), code 0.
//
// Argument: [after MS] THING, where THING is one of
//     read-kernel write-kernel       first word of RAM, which is the kernel's
//     read-kernel-flash              first word of flash, which is the kernel's
//     read-peripheral write-peripheral  a UART or the like
//     read-system                    the processor's own control block
//     write-flash                    own code
//     read-header                    own TBF header, which is the app's to read: not stopped
//     grant write-grant              the kernel's part of own RAM
//     record write-record            the last word of own RAM, where the kernel has its record of the process
//     past-break                     own RAM past the break
//     jump-ram                       code in own RAM
//     null-jump                      a call through a null pointer
//     stack-overflow                 endless recursion
//     bad-syscall                    svc #0xbd
//     undefined                      an undefined instruction
//     breakpoint                     bkpt
//     unaligned                      a load of two registers from an odd address
//     divide                         an integer division by zero (gives 0 unless it traps)
//     privilege                      tries to become privileged (ignored, then checks)
//     other ADDRESS                  reads another process's RAM
//     read ADDRESS, write ADDRESS, exec ADDRESS

#include "adder.h"

enum {
    KERNEL_RAM = 0x20000000,
    KERNEL_FLASH = 0x00000000,
    PERIPHERAL = 0x40004000,
    SYSTEM_CONTROL = 0xe000ed00, // CPUID
};

static void read_word(uint32_t address) {
    *(volatile uint32_t *)address;
}

static void write_word(uint32_t address) {
    *(volatile uint32_t *)address = 0x5adbad;
}

static void execute(uint32_t address) {
    ((void (*)(void))(address | 1))();
}

__attribute__((noinline)) static uint32_t recurse(uint32_t depth) {
    volatile uint32_t frame[16];
    frame[depth % 16] = depth;
    return depth == UINT32_MAX ? 0 : recurse(depth + 1) + frame[depth % 16];
}

// Two instructions in RAM: movs r0, r0; bx lr.
static uint32_t code_in_ram = 0x47700000;

// True if that was no fault on any processor.
static bool do_it(const char *thing, uint32_t address) {
    if (strcmp(thing, "read-kernel") == 0) {
        read_word(KERNEL_RAM);
    } else if (strcmp(thing, "write-kernel") == 0) {
        write_word(KERNEL_RAM);
    } else if (strcmp(thing, "read-kernel-flash") == 0) {
        read_word(KERNEL_FLASH);
    } else if (strcmp(thing, "read-peripheral") == 0) {
        read_word(PERIPHERAL);
    } else if (strcmp(thing, "write-peripheral") == 0) {
        write_word(PERIPHERAL);
    } else if (strcmp(thing, "read-system") == 0) {
        read_word(SYSTEM_CONTROL);
    } else if (strcmp(thing, "write-flash") == 0) {
        write_word((uint32_t)do_it & ~3u);
    } else if (strcmp(thing, "read-header") == 0) {
        read_word(memop(MEMOP_FLASH_START, 0).a);
        return true;
    } else if (strcmp(thing, "grant") == 0) {
        read_word(memop(MEMOP_GRANT_START, 0).a);
    } else if (strcmp(thing, "write-grant") == 0) {
        write_word(memop(MEMOP_GRANT_START, 0).a);
    } else if (strcmp(thing, "record") == 0) {
        read_word(memop(MEMOP_RAM_END, 0).a - 4);
    } else if (strcmp(thing, "write-record") == 0) {
        write_word(memop(MEMOP_RAM_END, 0).a - 4);
    } else if (strcmp(thing, "past-break") == 0) {
        // Past the break the kernel may round up to what the MPU can tell apart: the last
        // word before the kernel's part is the one that must not be there.
        write_word((memop(MEMOP_GRANT_START, 0).a - 4) & ~3u);
    } else if (strcmp(thing, "jump-ram") == 0) {
        execute((uint32_t)&code_in_ram);
    } else if (strcmp(thing, "null-jump") == 0) {
        execute(0);
    } else if (strcmp(thing, "stack-overflow") == 0) {
        recurse(0);
    } else if (strcmp(thing, "bad-syscall") == 0) {
        ADDER_SVC(0xbd, 0, 0, 0, 0);
    } else if (strcmp(thing, "undefined") == 0) {
        __asm__ volatile("udf #0");
    } else if (strcmp(thing, "breakpoint") == 0) {
        __asm__ volatile("bkpt #0");
    } else if (strcmp(thing, "unaligned") == 0) {
        uint32_t words[4] = {0};
        __asm__ volatile("ldmia %0, {r2, r3}" : : "r"((char *)words + 1) : "r2", "r3", "memory");
    } else if (strcmp(thing, "divide") == 0) {
        uint32_t quotient;
        __asm__ volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(1), "r"(0));
        print("faulty: 1 / 0 = %u\n", (unsigned)quotient);
        return true;
    } else if (strcmp(thing, "privilege") == 0) {
        uint32_t control;
        __asm__ volatile("msr control, %1\n msr basepri, %1\n cpsid i\n isb\n mrs %0, control" : "=r"(control) : "r"(2));
        print("faulty: %s\n", (control & 1) != 0 ? "still unprivileged" : "PRIVILEGED");
        return (control & 1) != 0;
    } else if (strcmp(thing, "read") == 0 || strcmp(thing, "other") == 0) {
        read_word(address);
    } else if (strcmp(thing, "write") == 0) {
        write_word(address);
    } else if (strcmp(thing, "exec") == 0) {
        execute(address);
    } else {
        print("faulty: I know no '%s'\n", thing);
        exit_terminate(E_INVAL);
    }
    return false;
}

int main(void) {
    const char *rest = app_argument();
    char thing[24];
    char number[16];
    next_word(&rest, thing, sizeof thing);
    if (strcmp(thing, "after") == 0) {
        next_word(&rest, number, sizeof number);
        sleep_ms(parse_number(number, 0));
        next_word(&rest, thing, sizeof thing);
    }
    while (*rest == ' ') {
        rest++;
    }
    const char *shown = rest;
    next_word(&rest, number, sizeof number);
    print("faulty: %s%s%s\n", thing, *shown ? " " : "", shown);
    bool harmless = do_it(thing, parse_number(number, 0));
    print("faulty: %s%s%s was not stopped\n", thing, *shown ? " " : "", shown);
    return harmless ? 0 : 1;
}
