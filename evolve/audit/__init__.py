"""Whether a run's figures are true: its best program scored again, and what else a person should look at."""

from evolve.audit.comparison import POINTS, SHARE, Difference, differences
from evolve.audit.flags import Flag, FlagKind
from evolve.audit.mentions import Mention, mentions
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
    "Mention",
    "Subject",
    "differences",
    "mentions",
    "rescore",
]
