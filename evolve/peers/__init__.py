"""Tasks of other tools, run unchanged: OpenEvolve, SkyDiscover, ShinkaEvolve.

Their evaluators run the program in their own process. So the whole evaluation runs in one confined process: it reads
the task's folder, writes into a folder that is thrown away, has no network, no secrets, and limits of memory and time.
Its score is the task's own word, and is marked so wherever it is shown.
"""

from evolve.peers.evaluator import SELF_REPORTED, evaluator_class, notes
from evolve.peers.task import Task, configuration, find_task

__all__ = ["SELF_REPORTED", "Task", "configuration", "evaluator_class", "find_task", "notes"]
