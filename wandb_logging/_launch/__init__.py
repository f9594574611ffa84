"""Where a process stands among those that were started with it. Pure: from a mapping of variables to an answer."""
