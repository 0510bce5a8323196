"""Roles, queues and late tokens over time; reads what became of a served case."""

from __future__ import annotations

from evaluators.pd_disaggregation.figures import Figures
from evaluators.pd_disaggregation.fleet import SCENARIOS, SECOND_NS, Case
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import Times
from evaluators.serving import Role
from evolve.picture import Line, Mark, Matrix, Picture, Series

BINS = 60
DOTS = 3000


def drawn(case: Case, service: Service, times: Times, figures: Figures) -> Picture:
    """Return the role of each instance, what waits and decodes, and how late first and later tokens are."""
    arrivals = case.arrivals
    shared = "shared" if case.shares else "mixed"
    end_s = service.end_ns / SECOND_NS
    width_s = end_s / BINS
    roles = [[0.0] * BINS for _ in range(case.fleet.instances)]
    for when_ns, instance, role in service.roles:
        first = min(int(when_ns / SECOND_NS / width_s), BINS - 1)
        roles[instance][first:] = [float(role)] * (BINS - first)
    every = max(1, len(arrivals) // DOTS)
    came_s = (arrivals.arrival_us / 1e6).tolist()

    def dots(ratio: list[float], scenario: int) -> tuple[tuple[float, float], ...]:
        return tuple((came_s[i], ratio[i]) for i in range(0, len(came_s), every) if arrivals.scenario[i] == scenario)

    def over_time(place: int) -> tuple[tuple[float, float], ...]:
        return tuple((state[0] / SECOND_NS, float(state[place])) for state in service.states)

    def prefilling(row: list[float]) -> int:
        return sum(role == Role.PREFILL for role in row)

    counts = [prefilling([row[place] for row in roles]) for place in range(BINS)]
    marks = tuple(Mark(float(one.at_s), f"instance {one.instance} fails") for one in case.fleet.failures)
    known = [kind for kind in range(len(SCENARIOS)) if (arrivals.scenario == kind).any()]
    due = Line("due", ((0.0, 1.0), (end_s, 1.0)))
    first, later = times.ttft_ratio.tolist(), times.tpot_ratio.tolist()
    wanted = [(float(at_s), float(count)) for at_s, count in zip(case.phases_s, figures.counts, strict=True)]
    return Picture(
        f"{case.id}: cost {times.cost:.3f}, naive {figures.naive:.3f}, reference {figures.reference:.3f}",
        (
            Matrix(
                f"Role of each instance: 0 prefill, 1 decode, 2 {shared}",
                "time (s)",
                "instance",
                "role",
                tuple(str(number) for number in range(case.fleet.instances)),
                tuple(f"{place * width_s:.0f}" for place in range(BINS)),
                tuple(tuple(row) for row in roles),
                low=0.0,
            ),
            Series(
                "Prefill instances",
                "time (s)",
                "instances",
                (
                    Line("this policy", tuple((place * width_s, float(count)) for place, count in enumerate(counts))),
                    Line("reference, from the beginning of each phase", tuple(wanted), "dots"),
                ),
                marks,
            ),
            Series("Prompts that wait", "time (s)", "tokens", (Line("queued", over_time(2)),), marks),
            Series("Requests that decode", "time (s)", "requests", (Line("decoding", over_time(3)),), marks),
            Series(
                "First tokens",
                "arrival (s)",
                "time to first token over its SLO",
                (*(Line(SCENARIOS[kind], dots(first, kind), "dots") for kind in known), due),
            ),
            Series(
                "Later tokens",
                "arrival (s)",
                "time per token over its SLO",
                (*(Line(SCENARIOS[kind], dots(later, kind), "dots") for kind in known), due),
            ),
        ),
        f"{service.switches} changes of role, {len(service.transfer_ns)} transfers of KV.",
    )
