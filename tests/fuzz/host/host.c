// The kernel's own C, on this machine and under sanitizers, with generated capsules in it.
//
// The real main() wires the real board's drivers, whose registers are memory here; the real system calls then call the
// capsules. Missing are the exceptions: nothing interrupts, so the time that passes, the interrupts of the timer and the
// UART, and time-outs come at points that are counted, and each run is a function of what it is given. (A loop of
// machine code that calls nothing is the exception: a timer of the host's ends it.)
//
// Spoken to through standard input, answering on standard output:
//     module NAME EMIT BYTES \n TEXT   a module that can be imported; "native" or "bytecode"
//     run SEED STEPS CAPSULES MODULES \n   then so many modules: boot what was given, once; then, in a copy of
//                                         that process, import these, wire and call them
// The answer is one line: "ok CALLS FAILURES POINTS", or "found EXIT-CODE", with what there is to say on standard error.

#include <errno.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <fcntl.h>

#include "arch/cortex_m4/mpu.h"
#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/flash.h"
#include "core/interrupt.h"
#include "core/wired.h"
#include "host.h"
#include "kernel/abi.h"
#include "kernel/bottom_half.h"
#include "kernel/contain.h"
#include "kernel/driver.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/process_memory.h"
#include "kernel/schedule.h"
#include "kernel/seal.h"
#include "kernel/tick.h"
#include "kernel/upcall.h"
#include "memory_map.h"
#include "py/builtin.h"
#include "py/compile.h"
#include "py/cstack.h"
#include "py/emitglue.h"
#include "py/lexer.h"
#include "py/runtime.h"

enum { FINDING = 78, REFUSED = 79 }; // exit codes; 77 is the sanitizers'

extern uint8_t _stack_limit, _stack_top, _frozen_code_start, _frozen_code_end, _heap_start, _heap_end;
extern const wiring_t wiring; // port/main.c's
const wired_t _wired = { .wiring = &wiring }; // nothing is: the kernel wires itself
extern void (*const system_call_table[])(exception_frame_t *frame);

mp_state_ctx_t *mp_state_ctx_register = &kernel_python_state;
uint32_t host_psp; // read by the `mrs` of machine.h

static bool in_child;
static unsigned recipes; // of the program, that have begun

static __attribute__((noreturn, format(printf, 1, 2))) void found(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "FOUND: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    _exit(FINDING);
}

// -- The machine: memory where the manifest says ------------------------------

static void map(uint32_t start, uint32_t length, int rights) {
    void *got = mmap((void *)start, length, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != (void *)start) {
        fprintf(stderr, "the address 0x%08x is taken\n", (unsigned)start);
        exit(1);
    }
}

#define TIMER (0x40002000)
#define TIMER1_VALUE REGISTER(TIMER + 0x04)
#define TIMER2_LOAD REGISTER(TIMER + 0x20)
#define TIMER2_CONTROL REGISTER(TIMER + 0x28)
#define TIMER_LINE (10)
#define UART_DATA REGISTER(0x40004000)
#define UART_LINE (1)
#define NOTHING_SENT (0x5a5a5a5a)

static void map_machine(void) {
    map(0x40000000, 0x30000, PROT_READ | PROT_WRITE); // peripherals
    map(0xe000e000, 0x1000, PROT_READ | PROT_WRITE);  // the core's
    map(RAM_START, RAM_END - RAM_START, PROT_READ | PROT_WRITE);
    map(APP_FLASH_START, STORAGE_END - APP_FLASH_START, PROT_READ | PROT_WRITE);
    map((uint32_t)&_stack_limit - 0x10000, 0x10000, PROT_NONE);
    map((uint32_t)&_stack_limit, &_stack_top - &_stack_limit, PROT_READ | PROT_WRITE);
    map((uint32_t)&_heap_start, &_heap_end - &_heap_start, PROT_READ | PROT_WRITE);
    map((uint32_t)&_frozen_code_start, &_frozen_code_end - &_frozen_code_start, PROT_READ | PROT_WRITE | PROT_EXEC);
    memset((void *)APP_FLASH_START, 0xff, STORAGE_END - APP_FLASH_START);
    UART_DATA = NOTHING_SENT;
}

// Let so many ticks of the timer pass.
static void pass(uint32_t ticks) {
    TIMER1_VALUE -= ticks;
    if (TIMER2_CONTROL & 0x80) {
        if (TIMER2_LOAD <= ticks) {
            TIMER2_CONTROL &= ~0x80;
            interrupt_trigger(TIMER_LINE);
        } else {
            TIMER2_LOAD -= ticks;
        }
    }
    if (UART_DATA != NOTHING_SENT) {
        UART_DATA = NOTHING_SENT;
        interrupt_trigger(UART_LINE);
    }
}

bool board_flash_erase(uint32_t page, unsigned piece) {
    (void)piece;
    if (page < STORAGE_START || page >= STORAGE_END || page % FLASH_PAGE != 0) {
        found("flash erased outside of the storage: 0x%08x", (unsigned)page);
    }
    memset((void *)page, 0xff, FLASH_PAGE);
    return true;
}

void board_flash_write(uint32_t address, uint32_t word) {
    if (address < STORAGE_START || address >= STORAGE_END) {
        found("flash written outside of the storage: 0x%08x", (unsigned)address);
    }
    REGISTER(address) &= word;
}

void board_flash_begin(void) {
}

void board_panic_putc(uint8_t c) {
    fputc(c, stderr);
}

// -- What the kernel's other files do on the board ----------------------------

uint32_t ready_processes;
bool tick_on;
uint32_t tick_kernel;
unsigned schedule_rounds_line;

void schedule_update(process_t *process) {
    (void)process;
}

void tick_soon(void) {
}

void tick_begin(void) {
    tick_on = true;
}

void tick_normal(void) {
}

void tick_switch(bool on) {
    (void)on;
}

void mpu_init(void) {
}

uint32_t mpu_granule(uint32_t start, uint32_t length) {
    (void)start, (void)length;
    return 32;
}

void mpu_cover(mpu_region_t regions[2], unsigned first, mpu_kind_t kind, uint32_t start, uint32_t end, uint32_t granule) {
    (void)first, (void)kind, (void)start, (void)end, (void)granule;
    regions[0] = regions[1] = (mpu_region_t) { 0, 0 };
}

mpu_region_t mpu_region(unsigned number, mpu_kind_t kind, uint32_t start, uint32_t end) {
    (void)number, (void)kind, (void)start, (void)end;
    return (mpu_region_t) { 0, 0 };
}

void python_process_entry(void) {
}

void python_process_print(const char *text, size_t length) {
    (void)text, (void)length;
}

void python_process_lost(void) {
    found("python_process_lost()");
}

// With FUZZ_LOG in the environment, what the kernel says is shown.
uint32_t __real_kernel_log_take(uint8_t *destination, uint32_t length);
uint32_t __wrap_kernel_log_take(uint8_t *destination, uint32_t length) {
    uint32_t count = __real_kernel_log_take(destination, length);
    if (getenv("FUZZ_LOG") != NULL) {
        fwrite(destination, 1, count, stderr);
    }
    return count;
}

void crash_screen_put(uint8_t c) {
    fputc(c, stderr);
}

void mp_hal_stdout_tx_strn_cooked(const char *text, size_t length) {
    (void)text, (void)length;
}

void mp_hal_set_interrupt_char(int c) {
    (void)c;
}

void process_fault(process_t *process) {
    process->state = PROCESS_FAULTED;
    process->stopped = false;
    schedule_update(process);
    context_discard(process);
}

void kernel_panic(const char *format, ...) {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    kernel_log_panic(crash_screen_put); // what it has said before
    if (in_child && recipes == 0) {
        _exit(REFUSED); // MicroPython's compiler did not take it: in a build it ends that
    }
    found("panic: %s", text);
}

void fault_tell(void) { // that a process has ended: nobody reports it here
}

void fault_notify(unsigned line) {
    (void)line;
}

// Native code is listed nowhere: it was made just now.
const char frozen_function_texts[] = "", wiring_function_texts[] = "";
const frozen_function_t frozen_functions[1], wiring_functions[1];

void host_code_alloc(size_t size, void **code, size_t *got) {
    static uint8_t *next = &_frozen_code_start;
    size = (size + 15) / 16 * 16;
    if (size > (size_t)(&_frozen_code_end - next)) {
        found("no room for machine code");
    }
    *code = next;
    *got = size;
    next += size;
}

// -- Exhaustion ---------------------------------------------------------------

typedef enum { NOTHING, TIME, TIME_LATE, STACK, HEAP } exhaust_t;

bool host_no_room; // for holes.toml: nobody has asked whether there is

static struct {
    exhaust_t kind;
    uint32_t left; // points until then
} exhaust;

static struct {
    uint32_t calls, failures, points;
} *counts; // shared with the parent

static volatile uint32_t ticks_without_a_point;
static uint32_t work; // bytes that C has looked at since the last point
static bool calling;
static bool time_was_up;
static unsigned others; // capsules of the board's own; the program's come behind them

extern uint8_t payer;  // kernel/contain.c's: whose account pays for shared code
extern uint16_t spent; // and what that has taken of its own budget: nothing, it is the payer's that is used up

// Ticks that come while this account pays, until its time is up. One at least: a time-out may have been pending since C was
// left, and is to find machine code.
static void tick(exception_frame_t *frame, uint32_t ticks) {
    uint32_t pc = frame->pc;
    do {
        uint16_t before = spent;
        contain_tick(frame);
        spent = before;
    } while (ticks-- > 0 && frame->pc == pc && kernel_python_state.thread.mp_pending_exception == MP_OBJ_NULL);
}

#define WHOLE_BUDGET (CONFIG_CAPSULE_BUDGET_MS * 1000 / CONFIG_TIME_SLICE_US + 2)

static void time_is_up(void) {
    exception_frame_t frame = { .pc = (uint32_t)time_is_up };
    tick(&frame, WHOLE_BUDGET);
}

// What a program uses up is used up while its own account pays, in whosever code that is.
static bool exhausts(exhaust_t kind) {
    unsigned account = payer != CONTAIN_KERNEL && kind != HEAP ? payer : contain_running;
    bool can = kind != STACK || payer == CONTAIN_KERNEL || host_no_room; // there is stack for shared code, or it has not begun
    return calling && can && exhaust.kind == kind && account > others && exhaust.left-- == 0;
}

bool host_heap_is_full(void) {
    bool full = exhausts(HEAP);
    exhaust.kind = full ? NOTHING : exhaust.kind;
    return full;
}

// For holes.toml: whether a capsule of the board's own runs, and none of the program's.
bool host_own_code(void) {
    return contain_running <= others;
}

// Work of C's library between two points, at each of which a time-out would have been seen. Counted, so that it is the same
// each time; the machine here compares blocks at once, the board byte by byte.
#define MOST_WORK (200000)
int __wrap_memcmp(const void *first_in, const void *second_in, size_t length) {
    const uint8_t *first = first_in, *second = second_in;
    if (calling && work > MOST_WORK && contain_running > others) {
        fprintf(stderr, "FOUND: C that nobody can end has compared more than %u bytes\n", MOST_WORK);
        abort(); // the sanitizer shows where
    }
    for (size_t i = 0; i < length; i++, work++) {
        if (first[i] != second[i]) {
            return first[i] - second[i];
        }
    }
    return 0;
}

// An operator or a call is such a piece of work: a loop of them can be ended in between.
mp_obj_t __real_mp_binary_op(mp_binary_op_t op, mp_obj_t first, mp_obj_t second);
mp_obj_t __wrap_mp_binary_op(mp_binary_op_t op, mp_obj_t first, mp_obj_t second) {
    uint32_t before = work;
    work = 0;
    mp_obj_t result = __real_mp_binary_op(op, first, second);
    work = before;
    return result;
}

mp_obj_t __real_mp_call_function_n_kw(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args);
mp_obj_t __wrap_mp_call_function_n_kw(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    uint32_t before = work;
    work = 0;
    mp_obj_t result = __real_mp_call_function_n_kw(function, n_args, n_kw, args);
    work = before;
    return result;
}

mp_obj_t __real_mp_call_method_n_kw(size_t n_args, size_t n_kw, const mp_obj_t *args);
mp_obj_t __wrap_mp_call_method_n_kw(size_t n_args, size_t n_kw, const mp_obj_t *args) {
    uint32_t before = work;
    work = 0;
    mp_obj_t result = __real_mp_call_method_n_kw(n_args, n_kw, args);
    work = before;
    return result;
}

mp_obj_t host_piece(mp_call_fun_t call, mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    uint32_t before = work;
    work = 0;
    mp_obj_t result = call(function, n_args, n_kw, args);
    work = before;
    return result;
}

#define POINTS_A_TICK (20000)

void host_point(bool late) {
    if (!calling) {
        return;
    }
    counts->points++;
    ticks_without_a_point = work = 0;
    TIMER1_VALUE--;
    if (exhausts(late ? TIME_LATE : exhaust.kind == STACK ? STACK : TIME)) {
        if (exhaust.kind == STACK) {
            exhaust.kind = NOTHING;
            mp_raise_recursion_depth();
        }
        exhaust.kind = NOTHING;
        time_is_up();
        time_was_up = true;
    } else if (time_was_up && payer == CONTAIN_KERNEL && contain_running > others) { // it was in shared code
        time_was_up = false;
        exception_frame_t frame = { .pc = (uint32_t)time_is_up };
        tick(&frame, 0);
    } else if (counts->points % POINTS_A_TICK == 0) {
        exception_frame_t frame = { .pc = (uint32_t)time_is_up };
        tick(&frame, 0);
    }
}

void modes_cstack_check(void); // port/modes.c's
void __wrap_mp_cstack_check(void) {
    host_point(false);
    modes_cstack_check();
}

// On the board a time-out that has found the CPU in C comes again soon, until it finds it in machine code. Here C is made
// to return to this.
void host_back_in_capsule(void) {
    if (kernel_python_state.thread.mp_pending_exception != MP_OBJ_NULL) {
        mp_handle_pending(true);
    } // else it was another account's
}

uint32_t host_turned_from;
__attribute__((naked)) static void back_in_capsule(void) {
    __asm("pushl host_turned_from\n pushal\n call host_back_in_capsule\n popal\n ret");
}

// The innermost call out of machine code: it will return elsewhere.
static __attribute__((no_sanitize("address", "undefined"))) void turn_back(greg_t *registers) {
    uint32_t *frame = (uint32_t *)registers[REG_EBP];
    while (frame >= (uint32_t *)registers[REG_ESP] && frame < (uint32_t *)(&_stack_top - 8) && (uint32_t)frame % 4 == 0) {
        if (frame[1] == (uint32_t)back_in_capsule) {
            return;
        }
        if (frame[1] >= (uint32_t)&_frozen_code_start && frame[1] < (uint32_t)&_frozen_code_end) {
            host_turned_from = frame[1];
            frame[1] = (uint32_t)back_in_capsule;
            return;
        }
        uint32_t *outer = (uint32_t *)frame[0];
        if (outer <= frame) {
            return;
        }
        frame = outer;
    }
}

// A loop that calls nothing, or one in C.
#define TICK_US (4000)
#define TICKS_IN_C (12)
static __attribute__((no_sanitize("address", "undefined"))) void alarm_signal(int signal, siginfo_t *info, void *context_in) {
    (void)signal, (void)info;
    ucontext_t *context = context_in;
    greg_t *registers = context->uc_mcontext.gregs;
    uint32_t pc = registers[REG_EIP];
    bool in_capsule = pc >= (uint32_t)&_frozen_code_start && pc < (uint32_t)&_frozen_code_end;
    if (!calling || contain_running == CONTAIN_KERNEL) {
        return;
    }
    static unsigned waiting; // since a time-out became pending
    bool pending = kernel_python_state.thread.mp_pending_exception != MP_OBJ_NULL;
    waiting = pending && !in_capsule ? waiting + 1 : 0;
    if (++ticks_without_a_point > TICKS_IN_C && waiting > TICKS_IN_C) {
        fprintf(stderr, "FOUND: C that nobody can end runs for more than %u ms, at 0x%x\n", TICKS_IN_C * TICK_US / 1000, (unsigned)pc);
        abort(); // the sanitizer shows where
    }
    exception_frame_t *frame = (exception_frame_t *)(registers[REG_ESP] - sizeof(*frame) - 64);
    frame->pc = pc;
    tick(frame, ticks_without_a_point > 1 ? 2 * WHOLE_BUDGET : 0);
    if (!in_capsule && kernel_python_state.thread.mp_pending_exception != MP_OBJ_NULL) {
        turn_back(registers);
    }
    if (frame->pc != pc) {
        registers[REG_EIP] = frame->pc;
        registers[REG_ESP] -= 16; // as if it had been called
    }
}

// -- The stack: as narrow as the board's once capsules run --------------------

#ifndef HOST_STACK
#define HOST_STACK (22 * 1024) // frames are some three times as large as the board's
#endif
#define PAGE (4096)

static void narrow_stack(void) {
    uint32_t here = (uint32_t)__builtin_frame_address(0);
    uint32_t bottom = (here - HOST_STACK) / PAGE * PAGE;
    mprotect(&_stack_limit, bottom - (uint32_t)&_stack_limit, PROT_NONE);
    mp_cstack_init_with_top(&_stack_top, (uint32_t)&_stack_top - bottom);
}

mp_obj_t __real_contain_make(qstr name, mp_obj_t recipe, unsigned driver, contain_policy_t policy);
static void prepare_exhaustion(unsigned one_in);
mp_obj_t __wrap_contain_make(qstr name, mp_obj_t recipe, unsigned driver, contain_policy_t policy) {
    if (!in_child) {
        others++;
        return __real_contain_make(name, recipe, driver, policy);
    }
    recipes++;
    narrow_stack();
    prepare_exhaustion(6);
    calling = true;
    mp_obj_t made = __real_contain_make(name, recipe, driver, policy);
    calling = false;
    exhaust.kind = NOTHING;
    counts->calls++;
    counts->failures += made == MP_OBJ_NULL;
    // The board goes on: with calls of Python functions, which nobody contains.
    if (kernel_python_state.thread.mp_pending_exception != MP_OBJ_NULL) {
        found("a time-out is still pending when the recipe has returned: the board would get it");
    }
    return made;
}

// -- Modules ------------------------------------------------------------------

#define MODULES (200)
static struct {
    char name[80];
    bool native;
    char *text;
    size_t length;
} modules[MODULES];
static unsigned module_count;

static void add_module(const char *name, const char *emit, char *text, size_t length) {
    if (module_count == MODULES) {
        found("too many modules");
    }
    snprintf(modules[module_count].name, sizeof(modules[0].name), "%s", name);
    modules[module_count].native = strcmp(emit, "native") == 0;
    modules[module_count].text = text;
    modules[module_count++].length = length;
}

// The module whose path this is, or one in this folder; -1 if there is none.
static int find_module(const char *path, bool folder) {
    static const char prefix[] = ".frozen/.kernel/";
    path += strncmp(path, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
    size_t length = strlen(path);
    for (int i = module_count; i-- > 0;) {
        if (strncmp(modules[i].name, path, length) == 0 && modules[i].name[length] == (folder ? '/' : 0)) {
            return i;
        }
    }
    return -1;
}

static void serve(void);

mp_import_stat_t mp_import_stat(const char *path) {
    if (!in_child && strstr(path, "capsules/fuzz/program.py") != NULL) {
        serve(); // returns in each child
    }
    if (find_module(path, false) >= 0) {
        return MP_IMPORT_STAT_FILE;
    }
    return find_module(path, true) >= 0 ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_NO_EXIST;
}

mp_lexer_t *mp_lexer_new_from_file(qstr file) {
    int i = find_module(qstr_str(file), false);
    if (i < 0) {
        mp_raise_OSError(ENOENT);
    }
    MP_STATE_VM(default_emit_opt) = modules[i].native ? MP_EMIT_OPT_NATIVE_PYTHON : MP_EMIT_OPT_NONE;
    MP_STATE_VM(mp_optimise_value) = 3;
    return mp_lexer_new_from_str_len(file, modules[i].text, modules[i].length, 0);
}

// -- One program --------------------------------------------------------------

static uint32_t state = 1;
static unsigned steps, capsules;
#define PATTERN (0xa5)
#define SENDER (0xbad002)
#define DRIVER (0xf0000) // and up: the program's capsules
#define VICTIM (0xbad001)

static uint32_t next(void) { // xorshift32, Marsaglia 2003
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static uint32_t below(uint32_t limit) {
    return next() % limit;
}

static uint32_t word(void) {
    static const uint32_t words[] = {
        0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 64, 100, 127, 255, 256, 511, 1000, 4095, 4096, 0xffff, 0x10000, 0xffffff,
        0x3fffffff, 0x40000000, 0x7ffffff0, 0x7fffffff, 0x80000000, 0xc0000000, 0xfffffff0, 0xfffffffe, 0xffffffff,
    };
    return below(4) == 0 ? below(100) : words[below(MP_ARRAY_SIZE(words))];
}

static void prepare_exhaustion(unsigned one_in) {
    exhaust.kind = NOTHING;
    if (below(one_in) == 0) {
        exhaust.left = below(1u << below(9));
        exhaust.kind = TIME + below(4);
    }
}

// What the kernel does by and by: clearing a process's memory before it may run. Time passes in it, and nothing is exhausted.
static void finish(void) {
    exhaust_t kind = exhaust.kind;
    exhaust.kind = NOTHING;
    calling = true;
    for (unsigned i = 0; i < 4000 && interrupt_any_pending() && (i == 0 || UART_DATA == NOTHING_SENT); i++) {
        bottom_halves_run();
    }
    calling = false;
    exhaust.kind = kind;
}

// A system call of a process, whose frame lies on its stack.
static exception_frame_t call(unsigned slot, unsigned number, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3) {
    process_t *process = processes[slot];
    if (!process_alive(process)) {
        process_restart(process);
        finish();
    }
    if (process->app_break < process->ram_start + 2048) { // as its runtime does first
        process_set_break(process, process->ram_start + 2048);
        finish();
    }
    exception_frame_t *frame = (exception_frame_t *)(process->ram_start + 512);
    *frame = (exception_frame_t) { .r0 = r0, .r1 = r1, .r2 = r2, .r3 = r3, .pc = process->tbf.init, .psr = 1u << 24 };
    process->state = PROCESS_RUNNING;
    current_process = process;
    host_psp = (uint32_t)frame;
    ticks_without_a_point = 0;
    time_was_up = false;
    calling = true;
    system_call_table[number](frame);
    calling = false;
    exhaust.kind = NOTHING;
    current_process = NULL;
    if (process->psp == 0) {
        process->psp = (uint32_t)frame;
    }
    return *frame;
}

enum { YIELD, SUBSCRIBE, COMMAND, ALLOW_RW, ALLOW_RO, MEMOP, EXIT, ALLOW_READABLE };

static void bottom_halves(unsigned rounds, bool hard) {
    for (unsigned i = 0; i < rounds; i++) {
        pass(1 + below(40));
        if (!interrupt_any_pending()) {
            return;
        }
        if (hard) {
            prepare_exhaustion(3);
        }
        time_was_up = false;
        calling = true;
        bottom_halves_run();
        calling = false;
        exhaust.kind = NOTHING;
        }
}

static uint32_t lives[2]; // of the two processes: which they were in
#define READ_ONLY (1536) // from here on, 256 bytes of the process's RAM are for reading alone

static void begin(void) {
    const process_t *process = processes[0];
    memset((uint8_t *)process->ram_start + READ_ONLY, PATTERN, 256);
    for (unsigned i = 0; i < capsules; i++) {
        call(0, ALLOW_RO, DRIVER + i, 0, process->tbf.app_start, 64);
        call(0, ALLOW_RO, DRIVER + i, 1, process->ram_start + READ_ONLY, 64);
        call(0, ALLOW_RW, DRIVER + i, 0, process->ram_start + 1024, 64);
        call(0, ALLOW_READABLE, DRIVER + i, 0, process->ram_start + 1024 + 32, 100);
        call(0, SUBSCRIBE, DRIVER + i, 0, process->tbf.app_start | 1, 0);
    }
}

static void check_read_only(void) {
    const uint8_t *bytes = (const uint8_t *)processes[0]->ram_start + READ_ONLY;
    for (unsigned i = 0; i < 256; i++) {
        if (bytes[i] != PATTERN && processes[0]->id == lives[0]) {
            found("memory that the process has allowed for reading was written to: %p", bytes + i);
        }
    }
}

static void step(void) {
    unsigned capsule = below(capsules);
    uint32_t driver = DRIVER + capsule, kind = below(32);
    const process_t *process = processes[0];
    if (kind < 20) {
        prepare_exhaustion(3);
        exception_frame_t frame = call(0, COMMAND, driver, below(5), word(), word());
        counts->calls++;
        counts->failures += frame.r0 < RETURN_SUCCESS;
    } else if (kind < 26) {
        static const uint8_t allow[] = { ALLOW_RW, ALLOW_RO, ALLOW_READABLE };
        unsigned which = allow[below(3)];
        uint32_t length = below(4) == 0 ? 0 : 1 + below(64);
        uint32_t address = which == ALLOW_RO ? (below(2) ? process->tbf.app_start : process->ram_start + READ_ONLY) + below(128)
            : process->ram_start + 1024 + below(256);
        call(0, which, driver, below(2), length == 0 ? 0 : address, length);
    } else if (kind == 26) {
        call(0, SUBSCRIBE, driver, below(2), process->tbf.app_start | 1, 0);
    } else if (kind == 27) {
        call(0, YIELD, 0, 0, 0, 0);
    } else if (kind == 28) {
        call(0, EXIT, 1, 0, 0, 0);
    } else {
        pass(below(4000));
    }
    bottom_halves(3, true);
}

// -- Who must not notice ------------------------------------------------------

static uint8_t *guards[2];
static size_t guard_lengths[2];

static void set_guards(void) {
    const process_t *witness = processes[1];
    lives[0] = processes[0]->id;
    lives[1] = processes[1]->id;
    guards[0] = (uint8_t *)witness->ram_start + 2048; // above its frames, below its grants
    guard_lengths[0] = witness->ram_end - CONFIG_PROCESS_EXTRA_RAM - witness->ram_start - 2048;
    guards[1] = (uint8_t *)(processes[1]->ram_end > processes[0]->ram_end ? processes[1]->ram_end : processes[0]->ram_end);
    guard_lengths[1] = RAM_END - (uint32_t)guards[1];
    for (unsigned i = 0; i < 2; i++) {
        memset(guards[i], PATTERN, guard_lengths[i]);
    }
    mprotect((void *)APP_FLASH_START, STORAGE_START - APP_FLASH_START, PROT_READ);
}

static void check_guards(void) {
    for (unsigned i = 0; i < 2; i++) {
        for (size_t j = 0; j < guard_lengths[i]; j++) {
            if (guards[i][j] != PATTERN && (i != 0 || processes[1]->id == lives[1])) { // a new life has new memory
                found("memory of nobody's was changed: %p", guards[i] + j);
            }
        }
    }
}

static void check_witness(void) {
    if (call(1, COMMAND, VICTIM, 0, 0, 0).r0 != RETURN_SUCCESS) {
        found("the victim's null command fails");
    }
    call(1, COMMAND, SENDER, 1, 0, 0);
    for (unsigned i = 0; i < 40; i++) { // time for the victim's alarm, and for all that was begun
        pass(500);
        bottom_halves(4, false);
    }
    call(1, COMMAND, VICTIM, 1, 0, 0);
    uint32_t sent = call(1, COMMAND, SENDER, 2, 0, 0).r1;
    call(1, COMMAND, SENDER, 1, 0, 0);
    for (unsigned i = 0; i < 40; i++) {
        pass(500);
        bottom_halves(8, false);
    }
    exception_frame_t frame = call(1, COMMAND, VICTIM, 1, 0, 0);
    if (frame.r0 != RETURN_SUCCESS_U32 || frame.r1 != 0) {
        found("the victim is broken: %x %x", (unsigned)frame.r0, (unsigned)frame.r1);
    }
    if (call(1, COMMAND, SENDER, 2, 0, 0).r1 == sent) {
        found("the UART is dead");
    }
    check_guards();
    check_read_only();
}

// main() comes here when the board is wired.
void schedule_start(void) {
    for (unsigned i = 0; i < 2; i++) {
        call(i, YIELD, 0, 0, 0, 0); // its memory is its own
    }
    for (unsigned i = 0; i < 20; i++) {
        pass(10);
        finish();
    }
    set_guards();
    begin();
    for (unsigned i = 0; i < steps; i++) {
        step();
    }
    check_witness();
    exit(0); // and not _exit(): what the sanitizer has to say is said
}

// -- Serving ------------------------------------------------------------------

static char *read_text(size_t length) {
    char *text = malloc(length + 1);
    if (fread(text, 1, length, stdin) != length) {
        _exit(0);
    }
    text[length] = 0;
    return text;
}

static bool read_module(const char *line) {
    char name[80], emit[16];
    size_t length;
    if (sscanf(line, "module %79s %15s %zu", name, emit, &length) != 3) {
        return false;
    }
    add_module(name, emit, read_text(length), length);
    return true;
}

static void begin_timer(void) {
    static uint8_t stack[65536] __attribute__((aligned(16)));
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    sigaltstack(&alternate, NULL);
    struct sigaction action = { .sa_sigaction = alarm_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(SIGVTALRM, &action, NULL);
    struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
    setitimer(ITIMER_VIRTUAL, &every, NULL);
}

static void serve(void) {
    char line[200];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        unsigned seed, count;
        if (read_module(line)) {
            continue;
        }
        if (sscanf(line, "run %u %u %u %u", &seed, &steps, &capsules, &count) != 4) {
            break;
        }
        unsigned before = module_count;
        for (unsigned i = 0; i < count && fgets(line, sizeof(line), stdin) != NULL && read_module(line); i++) {
        }
        memset(counts, 0, sizeof(*counts));
        pid_t child = fork();
        if (child == 0) {
            int null = open("/dev/null", O_WRONLY);
            dup2(null, 1);
            in_child = true;
            state = seed * 2654435761u | 1;
            contain_last_try = true;
            setrlimit(RLIMIT_CPU, &(struct rlimit) { 20, 20 }); // of its own time: the machine may be busy
            alarm(2000);
            begin_timer();
            return;
        }
        int status;
        waitpid(child, &status, 0);
        for (; module_count > before; module_count--) {
            free(modules[module_count - 1].text);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            dprintf(1, "ok %u %u %u\n", (unsigned)counts->calls, (unsigned)counts->failures, (unsigned)counts->points);
        } else {
            dprintf(1, "found %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        }
        fflush(stdout);
    }
    _exit(0);
}

const char *__asan_default_options(void) {
    return "detect_leaks=0:exitcode=77:handle_abort=1:allocator_may_return_null=1:detect_stack_use_after_return=0:symbolize=0:"
           "quarantine_size_mb=2:thread_local_quarantine_size_kb=64"; // a fork copies the tables of what freed memory is kept
}

const char *__ubsan_default_options(void) {
    return "print_stacktrace=0";
}

int port_main(void); // port/main.c's

static void *boot(void *argument) {
    (void)argument;
    port_main();
    if (in_child && recipes == 0) {
        _exit(REFUSED);
    }
    found("the board was not wired");
}

int main(int count, char **arguments) {
    map_machine();
    for (int i = 1; i < count; i++) { // apps, one behind the other
        static uint8_t *at = (uint8_t *)APP_FLASH_START;
        FILE *file = fopen(arguments[i], "rb");
        at += file == NULL ? 0 : fread(at, 1, (uint8_t *)STORAGE_START - at, file);
    }
    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char line[200];
    while (fgets(line, sizeof(line), stdin) != NULL && read_module(line)) {
    } // until "boot"
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, &_stack_limit, &_stack_top - &_stack_limit);
    pthread_t thread;
    pthread_create(&thread, &attributes, boot, NULL);
    pthread_join(thread, NULL);
    return 0;
}
