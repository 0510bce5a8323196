"""What every GPU holds and how hard it is pressed. No simpy: nothing happens in time."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.prism.figures import Figures
from evaluators.prism.pressure import GPU_GB, Gpu, pressure_bound
from evaluators.prism.workload import Case
from evolve.picture import Bar, Bars, Interval, Lane, Lanes, Mark, Picture

KINDS = ("rarely asked", "sometimes asked", "often asked")


def drawn(case: Case, gpus: Sequence[Gpu], figures: Figures) -> Picture:
    """Return the memory of each GPU with its models side by side, and the pressure on each.

    gpus: what each carries, of a checked answer.
    """
    demand = [model.rate / model.slo for model in case.models]
    order = sorted(range(len(demand)), key=demand.__getitem__)
    kind = {model: KINDS[place * 3 // len(order)] for place, model in enumerate(order)}
    lanes, bars = [], []
    for number, gpu in enumerate(gpus):
        at, held = 0.0, []
        for model in gpu.models:
            size = case.models[model].size_gb
            text = f"model {model}: {size:g} GB, rate {case.models[model].rate:g}/s, slo {case.models[model].slo:g} s"
            held.append(Interval(at, at + size, kind[model], text))
            at += size
        lanes.append(Lane(f"GPU {number}", tuple(held)))
        text = f"GPU {number}: demand {gpu.demand:.3f} on {GPU_GB - gpu.used_gb:g} GB free"
        bars.append(Bar(f"GPU {number}", gpu.pressure, text=text))
    highest = max(gpu.pressure for gpu in gpus)
    bound = pressure_bound(case.models, case.num_gpus)
    known = f", the reference has {figures.reference:.4f}" if figures.reference is not None else ""
    return Picture(
        f"{case.id}: highest pressure {highest:.4f} requests/s per s and GB",
        (
            Lanes("Memory of each GPU", "memory (GB)", tuple(lanes), (Mark(float(GPU_GB), "capacity"),)),
            Bars("Pressure of each GPU", "demand over free memory (requests/s per s and GB)", tuple(bars)),
        ),
        f"The longest bar is the score{known}; no placement is below {bound:.4f}.",
    )
