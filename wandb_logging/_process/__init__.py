"""Everything global that is touched in the interpreter and the process: streams, exits, threads, the machine."""
