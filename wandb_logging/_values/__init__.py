"""Turns Python values into JSON, masks secrets, and checks and compresses bytes. Imports no other floor of ours."""
