"""Lets the tests of this folder import `slow_offloading`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
