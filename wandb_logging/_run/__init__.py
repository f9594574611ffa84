"""What a user holds: the run, the handler, and what goes on beside the program."""
