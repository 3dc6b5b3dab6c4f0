// For an upstream file that defines a global variable with an initialiser and then uses it.
//
//     #define the_variable MENTION
//     #define UNUSED a name for what nobody uses
//     #define USE the process's own
//     #include "the file"
//
// The first mention is the definition: it becomes that of UNUSED, which the
// linker drops. Every later one becomes USE. `__COUNTER__` tells them apart.

_Static_assert(__COUNTER__ == 0, "MENTION counts from here");

#define MENTION MENTION_NUMBER(__COUNTER__)
#define MENTION_NUMBER(n) MENTION_PASTE(n)
#define MENTION_PASTE(n) mention_##n
#define mention_1 UNUSED
#define mention_2 USE
#define mention_3 USE
#define mention_4 USE
#define mention_5 USE
#define mention_6 USE
#define mention_7 USE
#define mention_8 USE
#define mention_9 USE
