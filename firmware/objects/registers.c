// Memory-mapped I/O. A Registers object reads and writes 32-bit registers inside one peripheral's
// block and nowhere else, and has its hardware move memory.

#include "arch/cortex_m4/registers.h"
#include "objects/buffer.h"
#include "objects/register_field.h"
#include "objects/registers.h"
#include "py/gc.h"
#include "py/runtime.h"

#include "peripherals.h" // from the board's manifest: peripherals[], dma_channels[], interrupt_names[]

typedef struct {
    mp_obj_base_t base;
    const peripheral_t *peripheral;
} registers_t;

// Safety: the offset is that of a register in the block that the manifest names.
static volatile uint32_t *address_of(mp_obj_t self_in, mp_obj_t offset_in) {
    registers_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t offset = mp_obj_get_int(offset_in);
    if (offset % 4 != 0 || offset >= self->peripheral->size) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q has no register at 0x%x"), self->peripheral->name, offset);
    }
    return &REGISTER(self->peripheral->base + offset);
}

static bool is_protected(const peripheral_t *peripheral, volatile uint32_t *address) {
    for (unsigned i = 0; i < peripheral->protected_count; i++) {
        if ((uint32_t)address == peripheral->base + peripheral->protected_offsets[i]) {
            return true;
        }
    }
    return false;
}

static volatile uint32_t *writable_address_of(mp_obj_t self_in, mp_obj_t offset) {
    const peripheral_t *peripheral = ((registers_t *)MP_OBJ_TO_PTR(self_in))->peripheral;
    volatile uint32_t *address = address_of(self_in, offset);
    if (is_protected(peripheral, address)) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("register 0x%x of %q is protected"), mp_obj_get_int(offset), peripheral->name);
    }
    return address;
}

// registers.read(offset)
static mp_obj_t registers_read(mp_obj_t self, mp_obj_t offset) {
    return mp_obj_new_int_from_uint(*address_of(self, offset));
}
static MP_DEFINE_CONST_FUN_OBJ_2(registers_read_obj, registers_read);

// registers.write(offset, value)
static mp_obj_t registers_write(mp_obj_t self, mp_obj_t offset, mp_obj_t value) {
    *writable_address_of(self, offset) = mp_obj_get_int_truncated(value);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(registers_write_obj, registers_write);

// registers.field(offset, shift, width, inverted=False): a Field.
static mp_obj_t registers_field(size_t n_args, const mp_obj_t *args) {
    volatile uint32_t *address = address_of(args[0], args[1]);
    return register_field_new(address, mp_obj_get_int(args[2]), mp_obj_get_int(args[3]),
        n_args > 4 && mp_obj_is_true(args[4]), !is_protected(((registers_t *)MP_OBJ_TO_PTR(args[0]))->peripheral, address));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(registers_field_obj, 4, 5, registers_field);

// -- DMA: hardware that reads and writes memory on its own --------------------

// What each channel works on, or will when that is done.
#define TRANSFERS (2)
static mp_obj_t transfers[MP_ARRAY_SIZE(dma_channels)][TRANSFERS];

void mmio_collect_roots(void) {
    gc_collect_root((void **)transfers, sizeof(transfers) / sizeof(void *));
}

static unsigned channel_of(const peripheral_t *peripheral, mp_obj_t name_in) {
    qstr name = mp_obj_str_get_qstr(name_in);
    for (unsigned i = peripheral->first_channel; i < peripheral->first_channel + peripheral->channel_count; i++) {
        if (dma_channels[i].name == name) {
            return i;
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q has no DMA channel %q"), peripheral->name, name);
}

// Where hardware without a length register writes when it is triggered before it has a buffer.
static _Alignas(4) uint8_t nowhere[DMA_LARGEST_FIXED + 1];

// A channel without a transfer: what is triggered now moves nothing, or that.
// Safety: the offsets are the manifest's; what is triggered now moves nothing, or to a place that nobody uses.
static void point_nowhere(const peripheral_t *peripheral, const dma_channel_t *channel) {
    if (channel->unit == 0) {
        REGISTER(peripheral->base + channel->pointer) = (uint32_t)nowhere;
    } else {
        REGISTER(peripheral->base + channel->length) = 0;
    }
}

// registers.start_dma(channel, buffer, length): the peripheral's next transfer is about the first `length`
// bytes of the buffer, which is locked until end_dma() returns it. The driver then triggers the transfer.
// Safety: the pointer and the length cannot be written otherwise; the bytes are never freed. A transfer may
// begin by itself at any moment, so no pointer ever stands with the length of another buffer. What the hardware
// counts by is the manifest's `unit`; a transfer of a fixed size needs a buffer of just that length. A `shared` buffer
// stays the driver's to write, since the hardware, or a debug probe, only reads it.
static mp_obj_t registers_start_dma(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    const peripheral_t *peripheral = ((registers_t *)MP_OBJ_TO_PTR(args[0]))->peripheral;
    unsigned channel = channel_of(peripheral, args[1]);
    mp_obj_t *free = &transfers[channel][transfers[channel][0] == MP_OBJ_NULL ? 0 : 1];
    if (*free != MP_OBJ_NULL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("two transfers are under way"));
    }
    uint32_t length = mp_obj_get_int_truncated(args[3]);
    const dma_channel_t *registers = &dma_channels[channel];
    uint32_t unit = registers->unit;
    uint8_t *bytes = buffer_lock(args[2], length);
    if (unit == 0 ? length != registers->length : (length | (uint32_t)bytes) % unit != 0) {
        buffer_unlock(args[2]);
        mp_raise_ValueError(MP_ERROR_TEXT("the hardware cannot move such a length, or from there"));
    }
    *free = args[2];
    if (free == &transfers[channel][0]) {
        REGISTER(peripheral->base + registers->end) = 0;
    }
    if (unit != 0) {
        REGISTER(peripheral->base + registers->length) = 0;
    }
    REGISTER(peripheral->base + registers->pointer) = (uint32_t)bytes;
    if (unit != 0) {
        REGISTER(peripheral->base + registers->length) = length / unit;
    }
    if (registers->shared) {
        buffer_unlock(args[2]);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(registers_start_dma_obj, 4, 4, registers_start_dma);

// registers.end_dma(channel): the buffer whose transfer is over, unlocked; None while the hardware says
// that none is. A peripheral that is off has none under way.
// Safety: the offsets are the manifest's. The buffer is unlocked only when the hardware says that it is done with it.
static mp_obj_t registers_end_dma(mp_obj_t self_in, mp_obj_t name) {
    const peripheral_t *peripheral = ((registers_t *)MP_OBJ_TO_PTR(self_in))->peripheral;
    unsigned channel = channel_of(peripheral, name);
    volatile uint32_t *end = &REGISTER(peripheral->base + dma_channels[channel].end);
    mp_obj_t buffer = transfers[channel][0];
    uint16_t off = dma_channels[channel].off;
    if (buffer == MP_OBJ_NULL || (*end == 0 && !(off != 0 && REGISTER(peripheral->base + off) == 0))) {
        return mp_const_none;
    }
    *end = 0;
    transfers[channel][0] = transfers[channel][1];
    transfers[channel][1] = MP_OBJ_NULL;
    if (transfers[channel][0] == MP_OBJ_NULL) {
        point_nowhere(peripheral, &dma_channels[channel]);
    }
    if (!dma_channels[channel].shared) {
        buffer_unlock(buffer);
    }
    return buffer;
}
static MP_DEFINE_CONST_FUN_OBJ_2(registers_end_dma_obj, registers_end_dma);

static const mp_rom_map_elem_t registers_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_end_dma), MP_ROM_PTR(&registers_end_dma_obj) },
    { MP_ROM_QSTR(MP_QSTR_start_dma), MP_ROM_PTR(&registers_start_dma_obj) },
    { MP_ROM_QSTR(MP_QSTR_field), MP_ROM_PTR(&registers_field_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&registers_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&registers_write_obj) },
};
static MP_DEFINE_CONST_DICT(registers_locals, registers_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(registers_type, MP_QSTR_Registers, MP_TYPE_FLAG_NONE, locals_dict, &registers_locals);

mp_obj_t registers_new(qstr name) {
    for (unsigned i = 0; i < MP_ARRAY_SIZE(peripherals); i++) {
        if (peripherals[i].name == name) {
            registers_t *self = mp_obj_malloc(registers_t, &registers_type);
            self->peripheral = &peripherals[i];
            for (unsigned j = 0; j < peripherals[i].channel_count; j++) { // a bootloader may have left some there
                point_nowhere(&peripherals[i], &dma_channels[peripherals[i].first_channel + j]);
            }
            return MP_OBJ_FROM_PTR(self);
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("the manifest has no peripheral %q"), name);
}

unsigned mmio_interrupt(qstr peripheral, qstr name) {
    for (unsigned i = 0; i < MP_ARRAY_SIZE(interrupt_names); i++) {
        if (interrupt_names[i].peripheral == peripheral && interrupt_names[i].name == name) {
            return interrupt_names[i].line;
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("the manifest has no interrupt %q of %q"), name, peripheral);
}
