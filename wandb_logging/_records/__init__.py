"""A log record, or metrics given by hand, to an event."""
