import importlib.util

from goal import GOAL
from openevolve.evaluation_result import EvaluationResult


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    x, y = program.search()
    distance = ((x - GOAL[0]) ** 2 + (y - GOAL[1]) ** 2) ** 0.5
    print("distance", distance)
    return EvaluationResult(
        metrics={"combined_score": 1 / (1 + distance), "distance": distance, "found": True},
        artifacts={"hint": f"the program stood at {x}, {y}", "raw": b"bytes"},
    )
