// syscall.Blocks: the program's storage (driver 0x50001) as a block device, for vfs.VfsLfs2.
//
// In C, since a file system must not be left in the middle of what it does: nothing here looks at Ctrl-C, runs a handler
// or allocates. So it cannot wait for another's answer either: while a request of adder.storage is under way, it says EBUSY.

#include "config.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "python_process/python_process.h"
#include "python_process/syscalls.h"

#if CONFIG_PYTHON_LITTLEFS

#define DRIVER_STORAGE (0x50001)
#define BLOCK (512) // no more than a request moves, and none lies in two pieces

enum { STORAGE_READ = 2, STORAGE_WRITE = 3, STORAGE_GROW = 64 };

typedef struct {
    mp_obj_base_t base;
    uint32_t size;
} blocks_t;

// Blocks(size): so much of the program's storage, which grows to it. SyscallError if there is not so much, or none.
static mp_obj_t blocks_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    blocks_t *self = mp_obj_malloc(blocks_t, type);
    self->size = mp_obj_get_int(args[0]) & ~(BLOCK - 1);
    registers_t answer = syscall_command(DRIVER_STORAGE, STORAGE_GROW, self->size, 0);
    if (answer.r0 != SYSCALL_SUCCESS_U32) {
        python_process_failed(answer.r1, DRIVER_STORAGE, STORAGE_GROW);
    }
    return MP_OBJ_FROM_PTR(self);
}

// One read or write of as many requests as it takes: 0, or an errno below 0.
static mp_obj_t move(size_t n_args, const mp_obj_t *args, uint32_t command) {
    blocks_t *self = MP_OBJ_TO_PTR(args[0]);
    uint32_t block = mp_obj_get_int(args[1]), offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    mp_buffer_info_t info;
    mp_get_buffer_raise(args[2], &info, command == STORAGE_READ ? MP_BUFFER_WRITE : MP_BUFFER_READ);
    if (block > self->size / BLOCK || offset > self->size - block * BLOCK || info.len > self->size - block * BLOCK - offset) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    offset += block * BLOCK;
    if (python_process_lends(DRIVER_STORAGE)) { // we are in a handler that runs while adder.storage waits for its answer
        return MP_OBJ_NEW_SMALL_INT(-MP_EBUSY);
    }
    python_process_flush(); // what was printed does not wait for the flash
    for (size_t at = 0; at < info.len;) {
        uint8_t *part = (uint8_t *)info.buf + at;
        if (command == STORAGE_READ) {
            SYSCALL(SVC_ALLOW_READ_WRITE, DRIVER_STORAGE, 0, part, info.len - at);
        } else {
            SYSCALL(SVC_ALLOW_READ_ONLY, DRIVER_STORAGE, 0, part, info.len - at);
        }
        if (syscall_command(DRIVER_STORAGE, command, offset + at, info.len - at).r0 != SYSCALL_SUCCESS) {
            return MP_OBJ_NEW_SMALL_INT(-MP_EIO);
        }
        size_t moved = SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, DRIVER_STORAGE, command - STORAGE_READ, 0).r0;
        if (moved == 0) {
            return MP_OBJ_NEW_SMALL_INT(-MP_EIO);
        }
        at += moved;
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}

// readblocks(block, buffer, offset=0), writeblocks(block, buffer, offset=0)
static mp_obj_t blocks_read(size_t n_args, const mp_obj_t *args) {
    return move(n_args, args, STORAGE_READ);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(blocks_read_obj, 3, 4, blocks_read);

static mp_obj_t blocks_write(size_t n_args, const mp_obj_t *args) {
    return move(n_args, args, STORAGE_WRITE);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(blocks_write_obj, 3, 4, blocks_write);

// ioctl(operation, argument): the storage is written over as it is, so nothing needs to be erased.
static mp_obj_t blocks_ioctl(mp_obj_t self_in, mp_obj_t operation, mp_obj_t argument) {
    (void)argument;
    blocks_t *self = MP_OBJ_TO_PTR(self_in);
    switch (mp_obj_get_int(operation)) {
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(self->size / BLOCK);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK);
        default:
            return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(blocks_ioctl_obj, blocks_ioctl);

static const mp_rom_map_elem_t blocks_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&blocks_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&blocks_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&blocks_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(blocks_dict, blocks_table);

MP_DEFINE_CONST_OBJ_TYPE(python_process_blocks_type, MP_QSTR_Blocks, MP_TYPE_FLAG_NONE, make_new, blocks_make_new, locals_dict, &blocks_dict);

#endif
