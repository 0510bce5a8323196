"""Minimum execution time: each task on the PE that is fastest for it, busy or not.

In a stream, the oldest task whose fastest PE is idle; the others wait. Source: MET in Braun et al. 2001 (Journal of
Parallel and Distributed Computing 61).
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
            task = ready[0]
            return task, fastest(dag.work[task])

        return by_choice(dag, choose)

    def assign(self, obs):
        for index, work in enumerate(obs.work):
            if fastest(work) in obs.idle:
                return index, fastest(work)
        return None


def fastest(work):
    return min((ticks, pe) for pe, ticks in enumerate(work) if ticks >= 0)[1]
