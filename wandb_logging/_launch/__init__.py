"""Where a process stands among those that were started with it. From variables to an answer, which is pure."""
