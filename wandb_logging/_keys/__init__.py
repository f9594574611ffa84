"""Whose account runs belong to: API keys, the netrc file, login."""
