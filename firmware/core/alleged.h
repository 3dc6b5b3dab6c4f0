// What a process says of memory.
//
// An address and a length that came from a process are an alleged_t. C lets nobody use one for anything: alleged_check()
// alone makes an allowed_t of it, and allowed_bytes() alone a pointer of that.

#ifndef ADDER_CORE_ALLEGED_H
#define ADDER_CORE_ALLEGED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/process.h"

typedef struct {
    uint32_t address, length;
} alleged_t;

typedef enum { ACCESS_READ, ACCESS_WRITE, ACCESS_RUN } access_t; // RUN: as READ, but rather in flash than in RAM

// For a Python process: these bytes are in the interpreter.
bool alleged_in_interpreter(alleged_t alleged);

static inline bool alleged_within(alleged_t alleged, uint32_t start, uint32_t end) {
    return alleged.address >= start && alleged.address <= end && alleged.length <= end - alleged.address;
}

// Whether the process itself may access these bytes so. If it may, they are what `allowed` says, as long as the process
// lives and its break does not sink below them. No bytes are allowed anywhere.
//
// Safety: this is where an allegation is believed. The process's own record, which it cannot write, says what is its.
static inline bool alleged_check(const process_t *process, alleged_t alleged, access_t access, allowed_t *allowed) {
    *allowed = (allowed_t) { alleged.address, alleged.length };
    if (access == ACCESS_RUN && alleged_within(alleged, process->tbf.app_start, process->tbf.end)) {
        return true;
    }
    return alleged.length == 0 || alleged_within(alleged, process->ram_start, process->app_break)
        || (access == ACCESS_READ && alleged_within(alleged, process->tbf.app_start, process->tbf.end))
        || (access != ACCESS_WRITE && process->tbf.python && alleged_in_interpreter(alleged));
}

// Safety: an allowed_t has come from alleged_check(), and whoever has it has seen that the process still lives. Of a length
// of 0 no byte is read or written.
static inline uint8_t *allowed_bytes(allowed_t allowed) {
    return (uint8_t *)allowed.address;
}

#endif
