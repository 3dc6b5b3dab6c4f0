// The memory protection unit. A region's size is a power of two and its base a multiple of its size,
// but each eighth of it can be left out (ARMv7-M, B3.5.8): two neighbours cover any range of up to
// sixteen equal pieces.

#include "arch/cortex_m4/mpu.h"
#include "arch/cortex_m4/registers.h"

#define SMALLEST_GRANULE (32) // sub-regions exist in regions of 256 bytes and more (B3.5.3)

void mpu_init(void) {
    for (unsigned i = 0; i < MPU_REGIONS; i++) {
        MPU_RBAR = MPU_RBAR_VALID | i;
        MPU_RASR = 0;
    }
    MPU_CTRL = MPU_CTRL_PRIVDEFENA | MPU_CTRL_ENABLE;
    barrier();
}

uint32_t mpu_granule(uint32_t start, uint32_t length) {
    for (uint32_t granule = SMALLEST_GRANULE; granule != 0 && granule <= 0x10000000; granule *= 2) {
        if (start % granule != 0 || length % granule != 0) {
            return 0;
        }
        if (start % (8 * granule) / granule + length / granule <= 16) {
            return granule;
        }
    }
    return 0;
}

// The region of eight granules at `base` that has those in it which `used` has bits for.
static mpu_region_t region(unsigned number, mpu_kind_t kind, uint32_t base, uint32_t granule, uint32_t used) {
    uint32_t attributes = kind == MPU_FLASH
        ? MPU_RASR_AP_READ_ONLY | MPU_RASR_C
        : MPU_RASR_AP_READ_WRITE | (kind == MPU_RAM ? MPU_RASR_XN : 0) | MPU_RASR_S | MPU_RASR_C;
    return (mpu_region_t) {
        .rbar = base | MPU_RBAR_VALID | number,
        .rasr = (used & 0xff) == 0 ? 0
            : attributes | (~used & 0xff) << MPU_RASR_SRD_SHIFT
            | (__builtin_ctz(8 * granule) - 1) << MPU_RASR_SIZE_SHIFT | MPU_RASR_ENABLE,
    };
}

// Bits for the granules of [start, end), the first of them at `base`.
static uint32_t granules(uint32_t base, uint32_t start, uint32_t end, uint32_t granule) {
    return (1u << (end - base) / granule) - (1u << (start - base) / granule);
}

void mpu_cover(mpu_region_t regions[2], unsigned first, mpu_kind_t kind, uint32_t start, uint32_t end, uint32_t granule) {
    uint32_t size = 8 * granule;
    uint32_t base = start & ~(size - 1);
    uint32_t used = granules(base, start, end, granule);
    for (unsigned i = 0; i < 2; i++, base += size, used >>= 8) {
        regions[i] = region(first + i, kind, base, granule, used);
    }
}

mpu_region_t mpu_region(unsigned number, mpu_kind_t kind, uint32_t start, uint32_t end) {
    uint32_t size = 8 * SMALLEST_GRANULE;
    while ((start & ~(size - 1)) + size < end) {
        size *= 2;
    }
    uint32_t base = start & ~(size - 1);
    return region(number, kind, base, size / 8, granules(base, start, end, size / 8));
}
