"""The table as it is: rows and columns in their given order. The naive baseline.

Source: Liu 2025 (Optimizing LLM Queries in Relational Data Analytics Workloads, MLSys), section 6: "Cache (Original)".
"""

import numpy as np


def reorder(columns, rows, merges):
    return np.arange(len(rows)), np.tile(np.arange(len(columns)), (len(rows), 1))
