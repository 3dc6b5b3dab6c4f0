// extmod/modasyncio.c, compiled unchanged but for its variable: it is the process's.

#include "py/runtime.h"
#include "upstream_mention.h"

MP_REGISTER_ROOT_POINTER(mp_obj_t asyncio_context);

#define mp_asyncio_context MENTION
#define UNUSED unused_asyncio_context
#define USE (MP_STATE_PORT(asyncio_context))

#include "extmod/modasyncio.c"
