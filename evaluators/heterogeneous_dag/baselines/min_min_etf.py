"""Of all ready tasks and PEs, the pair that ends first: min-min; in a stream, the ETF of DS3, among idle PEs.

Source: min-min, Ibarra & Kim 1977 (Journal of the ACM 24); ETF in DS3, arXiv 2003.09016.
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


def pairs(obs):
    """(index, PE, end) of each ready task on each idle PE that can run it."""
    for index, work in enumerate(obs.work):
        for pe in obs.idle:
            if work[pe] >= 0:
                yield index, pe, max(obs.now, obs.data_at[index][pe]) + work[pe]


class Policy:
    def __init__(self, info):
        pass

    def place(self, dag):
        def choose(plan, ready):
            _, pe, task = min((*plan.best(task), task) for task in ready)
            return task, pe

        return by_choice(dag, choose)

    def assign(self, obs):
        best = min(((end, index, pe) for index, pe, end in pairs(obs)), default=None)
        return None if best is None else (best[1], best[2])
