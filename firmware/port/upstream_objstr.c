// py/objstr.c, compiled unchanged, but searching for text looks at the lengths first.
//
// A search compares places times length: with hundreds of characters each that takes long.

#include <assert.h>
#include <string.h>

#include "port/bounds.h"
#include "py/cstack.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/unicode.h"

#define find_subbytes MENTION
#define UNUSED find_subbytes_unbounded
#define USE find_subbytes
#include "upstream_mention.h"

#include "py/objstr.c"

#undef find_subbytes

const byte *find_subbytes(const byte *text, size_t length, const byte *part, size_t part_length, int direction) {
    if (part_length <= length) {
        bounds_check_search(length - part_length + 1, part_length);
    }
    return find_subbytes_unbounded(text, length, part, part_length, direction);
}
