"""Reads from the server, over GraphQL: projects, runs, and their rows, files and artifacts."""
