"""What logging costs, as ratios measured in one run. `python -m benchmarks --quick` prints goals and figures.

Each module holds one subject and a function `results(size)`; peers run side by side, in interleaved rounds.
"""

import os
import sys

# As most install the package: ISA-L (the extra `fast`) is hidden, except from who is to have it.
if not os.environ.get("BENCHMARKS_WITH_ISAL"):
    sys.modules.setdefault("isal", None)  # type: ignore[arg-type]  # how an import is made to fail
