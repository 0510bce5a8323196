"""Lets the tests of this problem import `small_shops`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
