"""The place of a process among those started with it: computed from environment variables, mostly by pure functions."""
