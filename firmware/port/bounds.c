// What MicroPython does without a bound, in the kernel's Python, where nobody can end a loop in C.
//
// Trusted: this runs in processes, too, with their rights; there it changes nothing.
//
// adder/verify/functions.toml lists what is reached, and how long each takes at most.

#include "core/heap.h"
#include "core/running.h"
#include "py/objint.h"
#include "py/runtime.h"
#include "port/bounds.h"

// Multiplying, dividing, printing and parsing are quadratic. Operands have at most so many digits, so what is made of
// them has at most twice as many.
#define MOST_DIGITS (256 / MPZ_DIG_SIZE)
#define MOST_DECIMALS (160)

// Where a time-out may come: nothing is half changed there.
static inline void end_if_over(void) {
    if (MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
        mp_handle_pending(true);
    }
}

static bool too_large(mp_obj_t number) {
    return mp_obj_is_exact_type(number, &mp_type_int) && !mp_obj_is_small_int(number)
        && ((mp_obj_int_t *)MP_OBJ_TO_PTR(number))->mpz.len > MOST_DIGITS;
}

static __attribute__((noreturn)) void refuse_number(void) {
    mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("integers have at most 256 bits"));
}

mp_obj_t __real_mp_obj_int_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right);
mp_obj_t __wrap_mp_obj_int_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right) {
    if (in_kernel()) {
        bool widens = (op == MP_BINARY_OP_LSHIFT || op == MP_BINARY_OP_INPLACE_LSHIFT) && mp_obj_is_small_int(right)
            && MP_OBJ_SMALL_INT_VALUE(right) > MOST_DIGITS * MPZ_DIG_SIZE;
        if (widens || too_large(left) || too_large(right)) {
            refuse_number();
        }
    }
    return __real_mp_obj_int_binary_op(op, left, right);
}

mp_obj_t __real_mp_obj_new_int_from_str_len(const char **text, size_t length, bool negative, unsigned base);
mp_obj_t __wrap_mp_obj_new_int_from_str_len(const char **text, size_t length, bool negative, unsigned base) {
    if (length > MOST_DECIMALS && in_kernel()) {
        refuse_number();
    }
    return __real_mp_obj_new_int_from_str_len(text, length, negative, base);
}

// `in` walks a sequence, and comparing two walks both: a time-out may end that at each element. Otherwise three instructions,
// since a dictionary of texts compares all the time.
bool __real_mp_obj_equal(mp_obj_t first, mp_obj_t second);
static __attribute__((noinline)) bool equal_if_not_over(mp_obj_t first, mp_obj_t second) {
    if (in_kernel()) {
        mp_handle_pending(true);
    }
    return __real_mp_obj_equal(first, second);
}

bool __wrap_mp_obj_equal(mp_obj_t first, mp_obj_t second) {
    bool pending = MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL;
    return pending ? equal_if_not_over(first, second) : __real_mp_obj_equal(first, second);
}

// A precision near 2^31 wraps when it is added to.
#define MOST_PRECISION (99)
int __real_mp_format_float(mp_float_t f, char *text, size_t size, char format, int precision, char sign);
int __wrap_mp_format_float(mp_float_t f, char *text, size_t size, char format, int precision, char sign) {
    return __real_mp_format_float(f, text, size, format, MIN(precision, MOST_PRECISION), sign);
}

// How many characters a search compares at most: places times length. And how many places there are: a replacement
// has something to do at each, where a time-out may end it.
#define LONGEST_SEARCH (1u << 13)
#define MOST_PLACES (1u << 10)
void bounds_check_search(size_t places, size_t length) {
    if (!in_kernel()) {
        return;
    }
    if (places > MOST_PLACES || length * places > LONGEST_SEARCH) {
        mp_raise_ValueError(MP_ERROR_TEXT("too long to be searched"));
    }
    end_if_over();
}
