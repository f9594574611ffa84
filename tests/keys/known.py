"""What the tests of keys have in common."""

from __future__ import annotations

import os
import sys

import pytest

KEY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
HOST = "https://api.example.com"
MACHINE = "api.example.com"

# Before 3.11 the standard library's reader knew neither quotes nor backslashes, and wanted a password everywhere.
NEW_READER = sys.version_info >= (3, 11)
posix = pytest.mark.skipif(os.name == "nt", reason="modes, symlinks and pipes as POSIX has them")
