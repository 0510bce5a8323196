"""Lets the tests of every domain import `in_process`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
