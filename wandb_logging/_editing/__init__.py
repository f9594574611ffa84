"""Runs made of others: edited copies, several merged into one. The originals are read, and nothing else."""
