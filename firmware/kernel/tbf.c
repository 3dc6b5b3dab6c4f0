// Tock Binary Format, version 2. Everything read here is hostile until checked.

#include <string.h>

#include "kernel/tbf.h"

enum {
    TLV_MAIN = 1,
    TLV_WRITEABLE_FLASH_REGIONS = 2,
    TLV_PACKAGE_NAME = 3,
    TLV_FIXED_ADDRESSES = 5,
    TLV_PERMISSIONS = 6,
    TLV_STORAGE_PERMISSIONS = 7,
    TLV_KERNEL_VERSION = 8,
    TLV_PROGRAM = 9,
    TLV_SHORT_ID = 10,
    TLV_PYTHON = 0x8001, // ours; the upper half of the numbers is for kernels other than Tock
};

#define KERNEL_MAJOR (2) // the Tock interface that we speak
#define KERNEL_MINOR (2)
#define INTERPRETER_VERSION (1) // of what a Python app and the shared interpreter agree on
#define BASE_HEADER_SIZE (16)
#define PERMISSION_SIZE (16)
#define MOST_PERMISSIONS (128) // looked through at each system call
#define LONGEST_NAME (128)     // compared with those of all processes by one system call

static uint32_t get32(const uint8_t *p) {
    uint32_t value;
    memcpy(&value, p, 4);
    return value;
}

static uint16_t get16(const uint8_t *p) {
    return p[0] | p[1] << 8;
}

// One TLV. Returns NULL, or what is wrong with it.
static const char *parse_tlv(tbf_t *tbf, unsigned type, const uint8_t *data, unsigned length, uint32_t *main_header, uint32_t *program_header) {
    switch (type) {
        case TLV_MAIN:
            if (length != 12) {
                return "main header of the wrong length";
            }
            *main_header = (uint32_t)data;
            break;
        case TLV_PROGRAM:
            if (length != 20) {
                return "program header of the wrong length";
            }
            *program_header = (uint32_t)data;
            break;
        case TLV_WRITEABLE_FLASH_REGIONS:
            if (length % 8 != 0) {
                return "writeable flash regions of the wrong length";
            }
            tbf->writeable = (const uint32_t *)data;
            tbf->writeable_regions = length / 8;
            break;
        case TLV_PACKAGE_NAME:
            if (length > LONGEST_NAME) {
                return "a name that is too long";
            }
            tbf->name = (const char *)data;
            tbf->name_length = length;
            break;
        case TLV_FIXED_ADDRESSES:
            if (length != 8) {
                return "fixed addresses of the wrong length";
            }
            tbf->fixed_ram = get32(data);
            tbf->fixed_flash = get32(data + 4);
            break;
        case TLV_PERMISSIONS:
            if (length < 2 || length != 2 + PERMISSION_SIZE * get16(data)) {
                return "permissions of the wrong length";
            }
            if (get16(data) > MOST_PERMISSIONS) {
                return "too many permissions";
            }
            tbf->has_permissions = true;
            tbf->permission_count = get16(data);
            tbf->permissions = data + 2;
            break;
        case TLV_STORAGE_PERMISSIONS: {
            if (length < 8) {
                return "storage permissions of the wrong length";
            }
            unsigned reads = get16(data + 4);
            if (length < 8 + 4 * reads || length != 8 + 4 * reads + 4 * get16(data + 6 + 4 * reads)) {
                return "storage permissions of the wrong length";
            }
            tbf->has_storage = true;
            tbf->storage_write_id = get32(data);
            break;
        }
        case TLV_KERNEL_VERSION:
            if (length != 4) {
                return "kernel version of the wrong length";
            }
            if (get16(data) != KERNEL_MAJOR || get16(data + 2) > KERNEL_MINOR) {
                return "made for another version of the kernel";
            }
            tbf->kernel_version = get32(data);
            break;
        case TLV_SHORT_ID:
            if (length != 4 || get32(data) == 0) {
                return "short identifier of the wrong form";
            }
            tbf->short_id = get32(data);
            break;
        case TLV_PYTHON:
            if (length != 8) {
                return "Python header of the wrong length";
            }
            if (get16(data) != INTERPRETER_VERSION) {
                return "made for another version of the Python interpreter";
            }
            tbf->python = true;
            tbf->python_executable_ram = get16(data + 2) & 1;
            tbf->python_state = get32(data + 4);
            break;
        default: // unknown ones are for others
            break;
    }
    return NULL;
}

// Safety: `address` is a multiple of 4 inside the app flash and `limit` its end (the loader sees to
// both); no byte at or beyond `limit`, or beyond the header's own size, is read.
const char *tbf_parse(uint32_t address, uint32_t limit, tbf_t *tbf, uint32_t *size) {
    const uint8_t *base = (const uint8_t *)address;
    *size = 0;
    memset(tbf, 0, sizeof(*tbf));
    if (limit - address < BASE_HEADER_SIZE) {
        return "no room for a header";
    }
    if (get16(base) != 2) {
        return "not a TBF version 2 header";
    }
    uint32_t header_size = get16(base + 2);
    uint32_t total_size = get32(base + 4);
    if (total_size < BASE_HEADER_SIZE || total_size % 4 != 0 || total_size > limit - address) {
        return "impossible size of the program";
    }
    *size = total_size;
    if (header_size < BASE_HEADER_SIZE || header_size % 4 != 0 || header_size > total_size) {
        return "impossible size of the header";
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < header_size; i += 4) {
        sum ^= i == 12 ? 0 : get32(base + i);
    }
    if (sum != get32(base + 12)) {
        return "wrong checksum";
    }

    uint32_t flags = get32(base + 8);
    tbf->start = address;
    tbf->end = address + total_size;
    tbf->enabled = flags & 1;
    tbf->fixed_ram = TBF_ANY_ADDRESS;
    tbf->fixed_flash = TBF_ANY_ADDRESS;
    tbf->name = "";

    uint32_t main_header = 0, program_header = 0;
    for (uint32_t at = BASE_HEADER_SIZE; at < header_size;) {
        if (header_size - at < 4) {
            return "header cut short";
        }
        unsigned type = get16(base + at);
        unsigned length = get16(base + at + 2);
        at += 4;
        if (length > header_size - at) {
            return "header entry reaches beyond the header";
        }
        const char *error = parse_tlv(tbf, type, base + at, length, &main_header, &program_header);
        if (error != NULL) {
            return error;
        }
        at += (length + 3) & ~3u;
    }
    const uint8_t *entry = (const uint8_t *)(program_header ? program_header : main_header);
    if (entry == NULL) {
        return NULL; // padding
    }
    tbf->program = true;
    uint32_t init_offset = get32(entry);
    uint32_t trailer = get32(entry + 4);
    uint32_t binary_end = total_size;
    tbf->min_ram = get32(entry + 8);
    if (program_header) {
        binary_end = get32(entry + 12);
    }
    if (binary_end > total_size || binary_end < header_size || trailer > binary_end - header_size
        || init_offset >= binary_end - header_size) {
        return "the program lies outside its own flash";
    }
    if (tbf->python && (tbf->python_state % 8 != 0 || tbf->python_state > tbf->min_ram)) {
        return "the interpreter's state lies outside the program's RAM";
    }
    tbf->app_start = address + header_size + trailer;
    tbf->init = (address + header_size + init_offset) | 1;
    if (tbf->fixed_flash != TBF_ANY_ADDRESS && tbf->fixed_flash != tbf->app_start) {
        return "made for another flash address";
    }
    for (unsigned i = 0; i < tbf->writeable_regions; i++) {
        uint32_t offset = get32((const uint8_t *)(tbf->writeable + 2 * i));
        uint32_t length = get32((const uint8_t *)(tbf->writeable + 2 * i + 1));
        if (offset > total_size || length > total_size - offset) {
            return "a writeable region lies outside the program's flash";
        }
    }
    return NULL;
}

bool tbf_permits_driver(const tbf_t *tbf, uint32_t driver) {
    if (!tbf->has_permissions) {
        return true;
    }
    for (unsigned i = 0; i < tbf->permission_count; i++) {
        if (get32(tbf->permissions + PERMISSION_SIZE * i) == driver) {
            return true;
        }
    }
    return false;
}

bool tbf_permits_command(const tbf_t *tbf, uint32_t driver, uint32_t command) {
    if (!tbf->has_permissions) {
        return true;
    }
    for (unsigned i = 0; i < tbf->permission_count; i++) {
        const uint8_t *entry = tbf->permissions + PERMISSION_SIZE * i;
        if (get32(entry) == driver && get32(entry + 4) == command / 64
            && get32(entry + 8 + (command & 32) / 8) >> command % 32 & 1) {
            return true;
        }
    }
    return false;
}
