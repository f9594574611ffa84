"""Whose runs these are: API keys, netrc, login."""
