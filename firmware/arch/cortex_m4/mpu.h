// The memory protection unit: ARMv7-M Architecture Reference Manual, B3.5.

#ifndef ADDER_ARCH_MPU_H
#define ADDER_ARCH_MPU_H

#include <stdbool.h>
#include <stdint.h>

#define MPU_REGIONS (8)

typedef struct {
    uint32_t rbar, rasr;
} mpu_region_t;

typedef enum { MPU_RAM, MPU_RAM_EXECUTABLE, MPU_FLASH } mpu_kind_t;

// Privileged code sees all memory; a process sees its regions and nothing else.
void mpu_init(void);

// The size of the sub-region with which two adjacent regions can cover [start, start + length)
// exactly; 0 if there is none. `start` and `length` must be multiples of it.
uint32_t mpu_granule(uint32_t start, uint32_t length);

// Describe [start, end) by two regions numbered `first` and `first` + 1. The range must be made of
// whole granules and lie within the 16 granules from `start` rounded down to 8 of them.
void mpu_cover(mpu_region_t regions[2], unsigned first, mpu_kind_t kind, uint32_t start, uint32_t end, uint32_t granule);

// Region `number`, for [start, end): the smallest region that has the range in it, without the eighths beside the
// range, which must begin and end with eighths. An empty range switches the region off.
mpu_region_t mpu_region(unsigned number, mpu_kind_t kind, uint32_t start, uint32_t end);

#endif
