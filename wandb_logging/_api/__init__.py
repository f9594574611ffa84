"""What is on the server, read back over GraphQL: projects, runs, their rows, files and artifacts."""
