"""What the package promises about losing nothing, tried at every point where it could: `python -m tests.robustness`."""
