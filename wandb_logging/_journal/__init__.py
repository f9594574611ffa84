"""The files of a run directory: written, read, checked, bounded. The only floor that opens them."""
