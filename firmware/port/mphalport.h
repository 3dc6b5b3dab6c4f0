// MicroPython's hooks into the hardware: none. Printing goes to the kernel log (main.c).
static inline void mp_hal_set_interrupt_char(int c) {
    (void)c;
}
