"""Where tensors lie in fast memory, and which (MiniMalloc, ASPLOS 2023; the mapping problem of MMap-MuZero)."""

from evaluators.memory_mapping.evaluator import MemoryMapping

__all__ = ["MemoryMapping"]
