"""The names of the standard files that each run has (protocol 6.2). Pure."""

from __future__ import annotations

CONFIG = "config.yaml"
METADATA = "wandb-metadata.json"
REQUIREMENTS = "requirements.txt"
SUMMARY = "wandb-summary.json"
OUTPUT = "output.log"

CAPTURED = (METADATA, REQUIREMENTS)
"""Those that only the process of the run can make."""

MADE = (CONFIG, SUMMARY, OUTPUT)
"""Those that are made of the journal when the run is sent."""

STANDARD_FILES = (CONFIG, METADATA, REQUIREMENTS, SUMMARY, OUTPUT)
