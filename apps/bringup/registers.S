#include "../float/registers.S"
