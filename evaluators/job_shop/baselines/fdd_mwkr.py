"""Least flow due date over most work remaining first: the job's work up to this operation over what is left of it.

Source: FDD/MWKR in Sels, Gheysen & Vanhoucke 2012 (IJPR 50). The flow due date is the work that should be done by the
end of the operation, counted from the job's arrival.
"""


class Policy:
    def __init__(self, info):
        self.work = {}
        self.remember(info.jobs)

    def remember(self, jobs):
        for one in jobs:
            self.work[one.job] = sum(sum(ticks for _, ticks in op) / len(op) for op in one.ops)

    def dispatch(self, obs):
        self.remember(obs.arrived)
        return min(range(len(obs.job)), key=lambda k: (self.ratio(obs, k), obs.job[k], obs.duration[k]))

    def ratio(self, obs, k):
        flow_due = self.work[obs.job[k]] - obs.work_left[k] + obs.duration[k]
        return flow_due / max(1, obs.work_left[k])
