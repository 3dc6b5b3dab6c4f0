"""What lies in a board's flash: the kernel's file, and the apps behind one another."""
