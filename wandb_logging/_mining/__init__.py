"""Get rows out of text: the rules that find numbers in lines of output, and the making of such rules from a log."""
