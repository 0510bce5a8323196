"""Shortest task first: of all ready tasks and PEs (in a stream, idle ones), the pair with the smallest work.

Source: STF in DS3, arXiv 2003.09016; the shortest processing time first of Smith 1956, for unlike PEs.
"""

from bisect import insort


class Gaps:
    """The schedule so far: what is busy on each PE, and where the next task would fit."""

    def __init__(self, dag):
        self.dag = dag
        self.busy = [[] for _ in dag.work[0]]
        self.end = [0] * len(dag.work)
        self.pe = [0] * len(dag.work)
        self.order = []

    def finish(self, task, pe):
        """When a task would end in the earliest gap of a PE; never, where it cannot run."""
        ticks = self.dag.work[task][pe]
        if ticks < 0:
            return float("inf")
        start = 0
        for before, transfer in self.dag.predecessors[task]:
            start = max(start, self.end[before] + (0 if self.pe[before] == pe else transfer))
        for from_tick, to_tick in self.busy[pe]:
            if start + ticks <= from_tick:
                break
            start = max(start, to_tick)
        return start + ticks

    def best(self, task):
        """(end, PE) where a task would end first."""
        return min((self.finish(task, pe), pe) for pe in range(len(self.busy)))

    def put(self, task, pe):
        self.end[task] = self.finish(task, pe)
        self.pe[task] = pe
        insort(self.busy[pe], (self.end[task] - self.dag.work[task][pe], self.end[task]))
        self.order.append(task)


def by_choice(dag, choose):
    """Place one ready task after the other. choose: gives (task, PE) of the ready ones."""
    plan = Gaps(dag)
    missing = [len(before) for before in dag.predecessors]
    ready = [task for task, count in enumerate(missing) if count == 0]
    while ready:
        task, pe = choose(plan, ready)
        plan.put(task, pe)
        ready.remove(task)
        for successor, _ in dag.successors[task]:
            missing[successor] -= 1
            if missing[successor] == 0:
                ready.append(successor)
    return plan.order, plan.pe


class Policy:
    def __init__(self, info):
        pass

    def place(self, dag):
        def choose(plan, ready):
            _, task = min((min(ticks for ticks in dag.work[task] if ticks >= 0), task) for task in ready)
            return task, plan.best(task)[1]

        return by_choice(dag, choose)

    def assign(self, obs):
        pairs = ((work[pe], index, pe) for index, work in enumerate(obs.work) for pe in obs.idle if work[pe] >= 0)
        best = min(pairs, default=None)
        return None if best is None else (best[1], best[2])
