"""What the files of a run can say of it: run.json, server.json, a line of the journal."""
