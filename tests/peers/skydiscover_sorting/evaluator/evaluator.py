import itertools
import runpy


def evaluate(program_path):
    order = runpy.run_path(program_path)["order"]
    items = [5, 3, 9, 1]
    found = order(items)
    pairs = sum(a <= b for a, b in itertools.pairwise(found))
    return {"combined_score": pairs / 3 if sorted(found) == sorted(items) else 0.0}
