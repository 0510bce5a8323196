"""Lets the tests of this folder import `pd_worlds`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
