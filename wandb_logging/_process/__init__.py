"""Every global of the interpreter and of the process that is touched: streams, exits, threads, the machine."""
