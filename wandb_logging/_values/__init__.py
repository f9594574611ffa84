"""A Python value as JSON, what in it is secret, and how bytes are checked and packed. Imports nothing of ours."""
