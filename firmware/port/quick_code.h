// For a file that is compiled with -Os for the sake of its data: its code is made as with -O2.
#pragma GCC optimize ("O2")
