// shared/readline/readline.c, compiled unchanged except for its variable, which is the process's; for line ends, of which it
// knows CR alone; and for characters beyond ASCII, which it drops.

#include "py/runtime.h"
#include "python_process/python_process.h"
#include "py/mphal.h"
#include "shared/readline/readline.h"
#include "port/upstream_mention.h"

// Upstream's `static readline_t rl;` becomes the declaration of a function that returns a pointer,
// and each use of `rl` a call of it.
#define rl (*readline_of_process())

// The first mention of each is what follows; upstream's editor has another name, and calls ours.
int readline_process_char(int c);
#define mp_hal_stdin_rx_chr python_process_rx_line
#define readline_process_char MENTION
#define UNUSED upstream_process_char
#define USE readline_process_char

#include "shared/readline/readline.c"

#undef rl
#undef readline_process_char

static readline_t *readline_of_process(void) {
    _Static_assert(sizeof(readline_t) <= sizeof(((python_process_t *)0)->readline), "make room in python_process_t");
    return (readline_t *)python_process()->readline;
}

// Characters of several bytes are put in where the cursor is and erased whole at the line's end. To the arrow keys they
// are still as many columns as they have bytes.
int readline_process_char(int c) {
    readline_t *line = readline_of_process();
    if (line->escape_seq == ESEQ_NONE && c >= 0x80) {
        char byte = c;
        vstr_ins_byte(line->line, line->cursor_pos++, c);
        mp_hal_stdout_tx_strn(&byte, 1);
        if (line->cursor_pos < line->line->len) {
            mp_hal_stdout_tx_strn(line->line->buf + line->cursor_pos, line->line->len - line->cursor_pos);
            mp_hal_move_cursor_back(line->line->len - line->cursor_pos);
        }
        return -1;
    }
    if ((c == 8 || c == 127) && line->escape_seq == ESEQ_NONE && line->cursor_pos == line->line->len) {
        while (line->line->len > line->orig_line_len + 1 && UTF8_IS_CONT(line->line->buf[line->line->len - 1])) {
            vstr_cut_tail_bytes(line->line, 1);
            line->cursor_pos--;
        }
    }
    return upstream_process_char(c);
}
