// shared/runtime/sys_stdio_mphal.c, compiled unchanged except for what sys.stdin, as text, makes of line ends: upstream makes
// two of CR LF. sys.stdin.buffer has the bytes as they come.

#include "py/mphal.h"
#include "python_process/python_process.h"
#include "port/upstream_mention.h"

int mp_hal_stdin_rx_chr(void);

#define mp_hal_stdin_rx_chr MENTION
#define UNUSED python_process_rx_line
#define USE python_process_rx

#include "shared/runtime/sys_stdio_mphal.c"
