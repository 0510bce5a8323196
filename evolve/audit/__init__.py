"""Whether a run's figures are true: its best program scored again, and what else a person should look at."""

from evolve.audit.comparison import POINTS, SHARE, Difference, differences
from evolve.audit.flags import Flag, FlagKind
from evolve.audit.fresh import FreshAudit, FreshScore, new_seed, rivals, score_afresh
from evolve.audit.rescoring import REPEATS, Audit, AuditedSplit, Subject, rescore

__all__ = [
    "POINTS",
    "REPEATS",
    "SHARE",
    "Audit",
    "AuditedSplit",
    "Difference",
    "Flag",
    "FlagKind",
    "FreshAudit",
    "FreshScore",
    "Subject",
    "differences",
    "new_seed",
    "rescore",
    "rivals",
    "score_afresh",
]
