"""How much memory a process ever had. Imports nothing, so that asking a bare interpreter costs it nothing."""


def most() -> float:
    """The most memory this process ever had, in MiB."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    except OSError:  # not Linux, where the call below would also count what the parent had when it forked
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
