"""Another program as a run: start it or follow its files, pass its output on, and put that output into the run."""
