"""The simulated bench: pack, circuit and instruments, reached over the same sockets and serial lines as a real one."""
