"""Make rules from a log: find its rows by their forms, decide which numbers are metrics, and write rules for them."""
