"""Moving virtual machines between hosts so that less of the free CPU is in fragments (Ding et al., VMR2L)."""

from evaluators.vm_rescheduling.evaluator import VmRescheduling

__all__ = ["VmRescheduling"]
