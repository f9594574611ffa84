"""Artifacts, which are sets of files with one digest: make, send and fetch them."""
