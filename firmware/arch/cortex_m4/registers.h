// The core's own registers: ARMv7-M Architecture Reference Manual, B3.2 to B3.5.

#ifndef ADDER_ARCH_REGISTERS_H
#define ADDER_ARCH_REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

// System control block, B3.2
#define SCB_ICSR REGISTER(0xe000ed04)
#define ICSR_PENDSVSET (1u << 28)
#define ICSR_PENDSVCLR (1u << 27)
#define ICSR_PENDSTCLR (1u << 25)
#define SCB_VTOR REGISTER(0xe000ed08)
#define SCB_SHPR1 REGISTER(0xe000ed18) // MemManage, BusFault, UsageFault
#define SCB_SHPR2 REGISTER(0xe000ed1c) // SVCall in the top byte
#define SCB_SHPR3 REGISTER(0xe000ed20) // PendSV, SysTick in the top two bytes
#define SCB_SHCSR REGISTER(0xe000ed24)
#define SHCSR_SVCALLPENDED (1u << 15)
#define SHCSR_USGFAULTENA (1u << 18)
#define SHCSR_BUSFAULTENA (1u << 17)
#define SHCSR_MEMFAULTENA (1u << 16)
#define SCB_CFSR REGISTER(0xe000ed28)
#define CFSR_DACCVIOL (1u << 1)
#define CFSR_MSTKERR (1u << 4)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_STKERR (1u << 12)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_NOCP (1u << 19)
#define SCB_HFSR REGISTER(0xe000ed2c)
#define SCB_MMFAR REGISTER(0xe000ed34)
#define SCB_BFAR REGISTER(0xe000ed38)
#define SCB_CPACR REGISTER(0xe000ed88)
#define CPACR_FPU_PRIVILEGED (5u << 20) // CP10 and CP11 for privileged code only
#define CPACR_FPU_ALL (15u << 20)

// Floating point, B3.2.20
#define FPU_FPCCR REGISTER(0xe000ef34)
#define FPCCR_ASPEN (1u << 31)
#define FPCCR_LSPEN (1u << 30)

// SysTick, B3.3
#define SYST_CSR REGISTER(0xe000e010)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_TICKINT (1u << 1)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_RVR REGISTER(0xe000e014)
#define SYST_CVR REGISTER(0xe000e018)

// Nested vectored interrupt controller, B3.4
#define NVIC_ISER(n) REGISTER(0xe000e100 + 4 * (n))
#define NVIC_ICER(n) REGISTER(0xe000e180 + 4 * (n))
#define NVIC_ICPR(n) REGISTER(0xe000e280 + 4 * (n))
#define NVIC_IPR(n) (*(volatile uint8_t *)(0xe000e400 + (n)))

// Memory protection unit, B3.5
#define MPU_CTRL REGISTER(0xe000ed94)
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_PRIVDEFENA (1u << 2)
#define MPU_RBAR REGISTER(0xe000ed9c)
#define MPU_RBAR_VALID (1u << 4)
#define MPU_RASR REGISTER(0xe000eda0)
#define MPU_RASR_ENABLE (1u << 0)
#define MPU_RASR_SIZE_SHIFT (1)
#define MPU_RASR_SRD_SHIFT (8)
#define MPU_RASR_C (1u << 17)
#define MPU_RASR_S (1u << 18)
#define MPU_RASR_AP_READ_WRITE (3u << 24) // all
#define MPU_RASR_AP_READ_ONLY (6u << 24)  // all
#define MPU_RASR_XN (1u << 28)

static inline void barrier(void) {
    __asm volatile ("dsb\n isb" ::: "memory");
}

#endif
