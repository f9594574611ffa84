"""`python -m wandb_logging` is the command line `wandb-logging`."""

import sys

from wandb_logging._cli import main

sys.exit(main())
