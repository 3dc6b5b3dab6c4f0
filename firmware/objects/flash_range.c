// Flash. The controller has no register window: a FlashRange erases and writes inside its range and nowhere else.

#include <string.h>

#include "core/flash.h"
#include "kernel/loader.h"
#include "memory_map.h"
#include "objects/buffer.h"
#include "objects/flash_range.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    uint32_t start, length;
} flash_range_t;

// The bytes [offset, offset + length) of the range. Raises if they are not all in it.
static uint32_t address_of(mp_obj_t self_in, mp_obj_t offset_in, uint32_t length) {
    flash_range_t *self = MP_OBJ_TO_PTR(self_in);
    uint32_t offset = mp_obj_get_int_truncated(offset_in);
    if (offset > self->length || length > self->length - offset) {
        mp_raise_type(&mp_type_IndexError);
    }
    return self->start + offset;
}

// The same, to change them: no byte of a program that is loaded, whose header the kernel has looked at once for all.
static uint32_t address_to_change(mp_obj_t self, mp_obj_t offset, uint32_t length) {
    uint32_t address = address_of(self, offset, length);
    if (loader_uses(address, address + length)) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a program is loaded from there"));
    }
    return address;
}

// range.length(), range.page_size(): bytes.
static mp_obj_t flash_length(mp_obj_t self) {
    return mp_obj_new_int_from_uint(((flash_range_t *)MP_OBJ_TO_PTR(self))->length);
}
static MP_DEFINE_CONST_FUN_OBJ_1(flash_length_obj, flash_length);

static mp_obj_t flash_page_size(mp_obj_t self) {
    (void)self;
    return MP_OBJ_NEW_SMALL_INT(FLASH_PAGE);
}
static MP_DEFINE_CONST_FUN_OBJ_1(flash_page_size_obj, flash_page_size);

// range.read(offset, buffer, start, length): into the buffer; returns the bytes copied.
// Safety: address_of() raises for what is not all in the range.
static mp_obj_t flash_read(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    uint32_t length = mp_obj_get_int_truncated(args[4]);
    uint8_t *bytes = buffer_range(args[2], args[3], &length);
    memcpy(bytes, (const void *)address_of(args[0], args[1], length), length);
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_read_obj, 5, 5, flash_read);

// range.write(offset, buffer, start, length): from the buffer; only clears bits. Returns the bytes written, which are not
// many: the processor waits for each word.
#define AT_ONCE (64)

static mp_obj_t flash_write(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    uint32_t length = mp_obj_get_int_truncated(args[4]);
    const uint8_t *bytes = buffer_range(args[2], args[3], &length);
    uint32_t address = address_to_change(args[0], args[1], length);
    length = MIN(length, AT_ONCE - address % 4);
    for (uint32_t i = 0; i < length;) { // the hardware writes words; ones change nothing
        union {
            uint32_t word;
            uint8_t bytes[4];
        } unit = { 0xffffffff };
        uint32_t place = (address + i) % 4;
        for (uint32_t at = address + i - place; place < 4 && i < length; place++, i++) {
            unit.bytes[place] = bytes[i];
            if (place == 3 || i == length - 1) {
                board_flash_write(at, unit.word);
            }
        }
    }
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_write_obj, 5, 5, flash_write);

// range.erase(page, piece): a part, 0, 1, 2 …, of erasing the page with this number. True after the last one:
// all its bits are ones.
static mp_obj_t flash_erase(mp_obj_t self, mp_obj_t page, mp_obj_t piece) {
    mp_uint_t number = mp_obj_get_int(page);
    if (number >= ((flash_range_t *)MP_OBJ_TO_PTR(self))->length / FLASH_PAGE) {
        mp_raise_type(&mp_type_IndexError);
    }
    uint32_t address = address_to_change(self, MP_OBJ_NEW_SMALL_INT(number * FLASH_PAGE), FLASH_PAGE);
    return mp_obj_new_bool(board_flash_erase(address, mp_obj_get_int(piece)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_erase_obj, flash_erase);

static const mp_rom_map_elem_t flash_range_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_erase), MP_ROM_PTR(&flash_erase_obj) },
    { MP_ROM_QSTR(MP_QSTR_length), MP_ROM_PTR(&flash_length_obj) },
    { MP_ROM_QSTR(MP_QSTR_page_size), MP_ROM_PTR(&flash_page_size_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&flash_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&flash_write_obj) },
};
static MP_DEFINE_CONST_DICT(flash_range_locals, flash_range_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(flash_range_type, MP_QSTR_FlashRange, MP_TYPE_FLAG_NONE, locals_dict, &flash_range_locals);

mp_obj_t flash_range_new(qstr name) {
    flash_range_t *self = mp_obj_malloc(flash_range_t, &flash_range_type);
    if (name == MP_QSTR_storage) {
        self->start = STORAGE_START;
        self->length = STORAGE_END - STORAGE_START;
    } else if (name == MP_QSTR_apps) {
        self->start = APP_FLASH_START;
        self->length = APP_FLASH_END - APP_FLASH_START;
    } else {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("no flash range %q"), name);
    }
    return MP_OBJ_FROM_PTR(self);
}
