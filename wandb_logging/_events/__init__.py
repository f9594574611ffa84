"""What the files of a run can contain: run.json, server.json, and the lines of the journal."""
