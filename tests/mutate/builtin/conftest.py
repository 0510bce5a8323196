"""Lets the tests of the built-in mutator import `varied_programs`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
