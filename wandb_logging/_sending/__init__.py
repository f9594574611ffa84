"""From the cursor to the acknowledgement."""
