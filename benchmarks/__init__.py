"""What logging costs, as ratios measured in one run. `python -m benchmarks --quick` prints goals and figures.

Each module holds one subject and a function `results(quick)`; peers run side by side, in interleaved rounds.
"""
