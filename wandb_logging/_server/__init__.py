"""One request to the server at a time, and what its answers mean."""
