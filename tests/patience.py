"""How long a test waits for another program, thread or server before it says that nothing comes."""

# Seconds. A machine may have twenty other things to do: what takes one second takes one minute then, and is no fault.
# Who waits in vain waits that long once; who does not never notices it.
PATIENCE = 300.0
