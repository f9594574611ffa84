"""The page of runs: what it shows of them, and the server it comes from. Reads run directories, changes nothing."""
