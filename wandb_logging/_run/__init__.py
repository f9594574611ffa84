"""The objects that a user holds, the run and the handler, and what they do beside the program."""
