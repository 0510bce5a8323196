"""`python -m evaluators.eplb.reference` computes the figures of all drawn instances and writes reference.json.

About 10 s. To be run again when workload.py or one of the two placements of scale.py changes; a test tells.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from evaluators.eplb.scale import BUNDLED, VERSION, compute
from evaluators.eplb.workload import drawn_instances
from evaluators.kept_figures import LEAST_SPREAD
from evolve.evaluator import Split


def main() -> None:
    """Compute the figures of all drawn instances and write reference.json."""
    rows = {}
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        for instance in drawn_instances(split):
            windows = instance.windows()
            began = time.perf_counter()
            known = compute(windows, instance.cluster)
            seconds = time.perf_counter() - began
            print(f"{instance.id}: naive {known.naive:.4f}, reference {known.reference:.4f}, {seconds:.1f} s")
            if known.reference - known.naive < LEAST_SPREAD * (1.0 - known.naive):
                sys.exit(f"{instance.id}: naive and reference hardly differ; give it another Traffic in workload.py")
            rows[instance.id] = {"windows": windows.fingerprint(instance.cluster), **asdict(known)}
    BUNDLED.write_text(json.dumps({"version": VERSION, "instances": rows}, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {BUNDLED}")


if __name__ == "__main__":
    main()
