"""Reads runs back from their directories. Changes nothing, needs no server."""
