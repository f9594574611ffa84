"""Makes events from log records, or from metrics given by hand."""
