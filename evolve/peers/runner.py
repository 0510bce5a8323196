"""Runs one evaluation of another tool's task. Started in a confined process of its own; it imports nothing of ours.

    python runner.py KIND EVALUATOR PROGRAM ANSWER THRESHOLDS

KIND: "function", a Python file with `evaluate(program_path)`, perhaps with stages; "results", a script that writes
metrics.json and correct.json into --results_dir; "shell", a script that prints JSON.  ANSWER: the file to write:
{"metrics": {...}, "feedback": "...", "error": "..."}.  THRESHOLDS: what each stage must reach, separated by commas.
What the task prints is kept in part: a pipe's reader throws away the rest, so that no task fills a disk or a memory.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import traceback
import types
from pathlib import Path

KEPT = 16_000
"""Characters of output, and of each artifact, that are kept."""


def main(kind: str, evaluator: str, program: str, answer: str, thresholds: str) -> int:
    """Evaluate, and write the answer."""
    output = _Output()
    try:
        if kind == "function":
            found = by_function(Path(evaluator), program, [float(x) for x in thresholds.split(",") if x])
        elif kind == "results":
            found = by_results(Path(evaluator), program, Path.cwd() / "results")
        else:
            found = _by_shell(Path(evaluator), program, output)
    except BaseException as error:  # sys.exit of the task, too
        text = "".join(traceback.format_exception(error)[-3:])
        found = {"metrics": {}, "feedback": text[-KEPT:], "error": f"{type(error).__name__}: {error}"[:2000]}
    found["output"] = output.close()
    Path(answer).write_text(json.dumps(found, default=str), encoding="utf-8")
    return 0


class _Output:
    """Takes both output streams of this process and its children; keeps the first part."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._kept = bytearray()
        self._old = os.dup(1), os.dup(2)
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        self._reader = threading.Thread(target=self._read, args=(read,), daemon=True)
        self._reader.start()

    def _read(self, read: int) -> None:
        while part := os.read(read, 65536):
            if len(self._kept) < KEPT:
                self._kept += part[: KEPT - len(self._kept)]

    def close(self) -> str:
        """Return what was kept."""
        sys.stdout.flush()
        sys.stderr.flush()
        for number, old in enumerate(self._old, 1):
            os.dup2(old, number)
        self._reader.join(1.0)  # a child that is left over may hold the pipe open
        return self._kept.decode("utf-8", "replace")


def by_function(file: Path, program: str, thresholds: list[float]) -> dict[str, object]:
    """Call `evaluate(program_path)`, or the stages one after the other while each reaches its threshold."""
    _offer("openevolve.evaluation_result", EvaluationResult=EvaluationResult)
    _offer("skydiscover.evaluation.evaluation_result", EvaluationResult=EvaluationResult)
    module = _imported(file)
    if not thresholds or not hasattr(module, "evaluate_stage1"):
        return _facts(*_told(module.evaluate(program)))
    metrics: dict[str, object] = {}
    artifacts: dict[str, object] = {}
    for stage in (1, 2, 3):
        function = getattr(module, f"evaluate_stage{stage}", None)
        if function is None:
            break
        found, more = _told(function(program))
        metrics |= {name: x for name, x in found.items() if stage == 1 or name != "error"}
        artifacts |= more
        if stage > len(thresholds) or not _reaches(metrics, thresholds[stage - 1]):
            break
    return _facts(metrics, artifacts)


def by_results(file: Path, program: str, results: Path) -> dict[str, object]:
    """Run a script that writes metrics.json and correct.json into a folder."""
    results.mkdir(exist_ok=True)
    arguments = ["--program_path", program, "--results_dir", str(results)]
    # In this process, where `run_shinka_eval` is offered to those who have not installed it.
    _offer("shinka.core", run_shinka_eval=run_shinka_eval)
    sys.argv = [str(file), *arguments]
    _look_in(file.parent)
    space = {"__name__": "__main__", "__file__": str(file)}
    with contextlib.suppress(SystemExit):
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    correct = json.loads((results / "correct.json").read_text(encoding="utf-8"))
    public = metrics.get("public") if isinstance(metrics.get("public"), dict) else {}
    flat = {name: x for name, x in {**public, **metrics}.items() if name not in ("public", "private", "text_feedback")}
    said = str(metrics.get("text_feedback") or "")
    wrong = "" if correct.get("correct") else str(correct.get("error") or "the task says that it is not correct")
    return {"metrics": flat, "feedback": said, "error": wrong}


def _by_shell(file: Path, program: str, output: _Output) -> dict[str, object]:
    """Run a script that prints JSON; the last line that is a JSON object counts."""
    done = subprocess.run(["sh", str(file), program], stdout=subprocess.PIPE, text=True, check=False)
    for line in [done.stdout, *reversed(done.stdout.splitlines())]:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            inner = found.get("metrics")
            metrics = {
                **(inner if isinstance(inner, dict) else {}),
                **{k: v for k, v in found.items() if k != "metrics"},
            }
            artifacts = metrics.pop("artifacts", {})
            return _facts(metrics, artifacts if isinstance(artifacts, dict) else {})
    raise ValueError(f"{file.name} printed no JSON object (exit code {done.returncode}): {done.stdout[-300:]!r}")


def _imported(file: Path) -> types.ModuleType:
    _look_in(file.parent)
    spec = importlib.util.spec_from_file_location("evaluator", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluator"] = module
    spec.loader.exec_module(module)
    return module


def _look_in(folder: Path) -> None:
    """Let what lies in a folder be imported."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _offer(name: str, **contents: object) -> None:
    """Make a module of a peer importable where the peer is not installed."""
    try:
        importlib.import_module(name)
    except ImportError:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            full = ".".join(parts[:depth])
            sys.modules.setdefault(full, types.ModuleType(full))
            if depth > 1:
                setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[full])
        vars(sys.modules[name]).update(contents)


class EvaluationResult:
    """Metrics with artifacts, as OpenEvolve's evaluators return them."""

    def __init__(self, metrics: dict[str, object], artifacts: dict[str, object] | None = None) -> None:
        self.metrics, self.artifacts = metrics, artifacts or {}

    @classmethod
    def from_dict(cls, metrics: dict[str, object]) -> EvaluationResult:
        """Return a result without artifacts."""
        return cls(metrics)

    def to_dict(self) -> dict[str, object]:
        """Return the metrics."""
        return self.metrics


def run_shinka_eval(
    program_path: str,
    results_dir: str,
    experiment_fn_name: str,
    num_runs: int,
    get_experiment_kwargs: object = None,
    aggregate_metrics_fn: object = None,
    validate_fn: object = None,
    default_metrics_on_error: dict[str, object] | None = None,
    **_: object,
) -> tuple[dict[str, object], bool, str | None]:
    """Run an experiment several times, check each result, put them together, write metrics.json and correct.json."""
    metrics: dict[str, object] = dict(default_metrics_on_error or {"combined_score": 0.0})
    error: str | None = None
    try:
        spec = importlib.util.spec_from_file_location("program", program_path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        results = []
        for number in range(num_runs):
            given = get_experiment_kwargs(number) if callable(get_experiment_kwargs) else {"seed": number + 1}
            results.append(getattr(module, experiment_fn_name)(**given))
            if callable(validate_fn):
                valid, why = validate_fn(results[-1])
                if not valid and error is None:
                    error = str(why or "a result is not valid")
        if callable(aggregate_metrics_fn):
            metrics = aggregate_metrics_fn(results)
        elif error is None:
            metrics = {"combined_score": 0.0, "num_runs": num_runs}
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    Path(results_dir).mkdir(parents=True, exist_ok=True)
    (Path(results_dir) / "metrics.json").write_text(json.dumps(metrics, default=str), encoding="utf-8")
    (Path(results_dir) / "correct.json").write_text(
        json.dumps({"correct": error is None, "error": error}), encoding="utf-8"
    )
    return metrics, error is None, error


def _told(returned: object) -> tuple[dict[str, object], dict[str, object]]:
    """Return metrics and artifacts of what an evaluator returned."""
    if isinstance(returned, dict):
        return dict(returned), {}
    metrics = getattr(returned, "metrics", None)
    if not isinstance(metrics, dict):
        raise TypeError(f"evaluate returned {type(returned).__name__}, expected a dict of metrics")
    return dict(metrics), dict(getattr(returned, "artifacts", None) or {})


def _facts(metrics: dict[str, object], artifacts: dict[str, object]) -> dict[str, object]:
    texts = [f"{name}:\n{_text(value)}" for name, value in artifacts.items()]
    return {"metrics": metrics, "feedback": "\n\n".join(texts)[:KEPT], "error": ""}


def _text(value: object) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))[:KEPT]


def _reaches(metrics: dict[str, object], threshold: float) -> bool:
    """Whether combined_score, or the mean of the numeric metrics, is at least a threshold."""
    whole = metrics.get("combined_score")
    if isinstance(whole, int | float) and not isinstance(whole, bool):
        return float(whole) >= threshold
    numbers = [
        float(x)
        for name, x in metrics.items()
        if name != "error" and isinstance(x, int | float) and not isinstance(x, bool)
    ]
    return bool(numbers) and sum(numbers) / len(numbers) >= threshold


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
