"""Carries what workers without the run's disk log to the process whose run they joined: over TCP, from their disk."""
