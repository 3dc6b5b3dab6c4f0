// Where a process's context is in its record: for assembly. core/process.h holds the two together.

#ifndef ADDER_CORE_CONTEXT_OFFSETS_H
#define ADDER_CORE_CONTEXT_OFFSETS_H

#define PROCESS_PSP 32
#define PROCESS_EXC_RETURN 36
#define PROCESS_MPU 40
#define PROCESS_FP 104

#endif
