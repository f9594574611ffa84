"""Events to rows, text and summary. Pure: no I/O, no clock."""
