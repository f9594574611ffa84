"""The page of runs: what it shows of runs, and its web server. Reads run directories and changes nothing in them."""
