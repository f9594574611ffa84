"""Reads and writes files of other programs. Needs no server."""
