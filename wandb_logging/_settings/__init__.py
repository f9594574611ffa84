"""What a user may set, and every environment variable that is read or written."""
