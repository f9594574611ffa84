"""Sends what run directories hold, from the cursor to the acknowledgement: beside the program, or by `sync`."""
