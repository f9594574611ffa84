"""Sets of files with one digest: made, sent, fetched."""
