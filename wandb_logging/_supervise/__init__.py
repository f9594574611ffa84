"""Another program as a run: started or followed, its output passed on and taken."""
