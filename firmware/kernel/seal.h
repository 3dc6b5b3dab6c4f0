// The seal: once the board is wired, what the kernel is made of stays as it is.

#ifndef ADDER_KERNEL_SEAL_H
#define ADDER_KERNEL_SEAL_H

// From now on modules and classes are read-only, imports raise, and so does every function of `mint`.
void kernel_seal(void);

// Raises if the kernel is sealed.
void kernel_check_not_sealed(void);

#endif
