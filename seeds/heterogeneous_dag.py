"""Which processor runs which task, and in which order."""

import heapq

# EVOLVE-BLOCK-START
# Tasks in the order of their numbers and PEs in turn; whatever else is known could be used, and is not.
NUMBER = 1.0  # how much it counts which number a task has, or how many have been ready for longer
RANK = 0.0  # how much it counts how long the longest chain from a task to the end takes, ticks: the longest first
TURN = 1.0  # how much it counts how many PEs would have their turn earlier
END = 0.0  # how much it counts when the task would end on a PE, ticks
WORK = 0.0  # how much it counts how long the task takes on a PE, ticks
LEFT = 0.0  # how much it counts how many tasks of its job are left (stream)


def task_cost(number, rank):
    """Of the tasks that are ready, the one with the lowest cost is next."""
    return NUMBER * number - RANK * rank


def pe_cost(turn, end, work):
    """It runs on the PE with the lowest cost."""
    return TURN * turn + END * end + WORK * work


class Policy:
    def __init__(self, info):
        self.info = info

    def place(self, dag):
        """An order of all tasks, and the PE of each (kind static)."""
        pes = self.info.pes
        rank = upward_ranks(dag)
        missing = [len(before) for before in dag.predecessors]
        ready = [(task_cost(task, rank[task]), task) for task, count in enumerate(missing) if count == 0]
        heapq.heapify(ready)
        order, pe_of, end_of = [], [0] * len(missing), [0] * len(missing)
        free, turn = [0] * pes, 0
        while ready:
            _, task = heapq.heappop(ready)
            best = None
            for pe, ticks in enumerate(dag.work[task]):
                if ticks >= 0:
                    start = free[pe]
                    for before, transfer in dag.predecessors[task]:
                        start = max(start, end_of[before] + (0 if pe_of[before] == pe else transfer))
                    cost = pe_cost((pe - turn) % pes, start + ticks, ticks)
                    if best is None or cost < best[0]:
                        best = (cost, pe, start + ticks)
            _, pe_of[task], end_of[task] = best
            free[pe_of[task]] = end_of[task]
            turn = pe_of[task] + 1
            order.append(task)
            for successor, _ in dag.successors[task]:
                missing[successor] -= 1
                if missing[successor] == 0:
                    heapq.heappush(ready, (task_cost(successor, rank[successor]), successor))
        return order, pe_of

    def assign(self, obs):
        """The index of a ready task and an idle PE for it, or None: wait for the next event (kind stream)."""
        best, choice = None, None
        for index, work in enumerate(obs.work):
            first = task_cost(index, obs.rank[index]) + LEFT * obs.left[index]
            for pe in obs.idle:
                if work[pe] >= 0:
                    end = max(obs.now, obs.data_at[index][pe]) + work[pe]
                    cost = first + pe_cost(pe / self.info.pes, end - obs.now, work[pe])
                    if best is None or cost < best:
                        best, choice = cost, (index, pe)
        return choice


def upward_ranks(dag):
    """How long the longest chain from each task to the end takes, ticks, work as on an average PE."""
    missing = [len(before) for before in dag.predecessors]
    order = [task for task, count in enumerate(missing) if count == 0]
    for task in order:
        for successor, _ in dag.successors[task]:
            missing[successor] -= 1
            if missing[successor] == 0:
                order.append(successor)
    rank = [0.0] * len(order)
    for task in reversed(order):
        able = [ticks for ticks in dag.work[task] if ticks >= 0]
        after = max((transfer + rank[successor] for successor, transfer in dag.successors[task]), default=0.0)
        rank[task] = sum(able) / len(able) + after
    return rank


# EVOLVE-BLOCK-END
