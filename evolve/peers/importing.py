"""A folder of ours from a task of another tool: its evaluator as it is, the program in the sandbox."""

from __future__ import annotations

import ast
import shutil
from dataclasses import dataclass
from pathlib import Path

from evolve.errors import UsageError
from evolve.mutate.language import PYTHON
from evolve.peers.stand_in import Parameters, parameters_of
from evolve.peers.task import Task, find_task

APART = ("subprocess", "multiprocessing", "os.system", "os.popen", "os.fork", "ProcessPoolExecutor")
"""What takes a program to a process of the evaluator's own."""
READS = ("open", "exec", "eval", "compile")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", "*openevolve_output*", "results*")

EVALUATOR = '''"""{name}, imported from a task of {tool}. Lines with DECIDE need a person.

Its own evaluator, in theirs/, runs in the verifier's process; the program runs in the sandbox and is only called.
"""

from pathlib import Path

from evolve.evaluator import Evaluator, Instance, Limits, Outcome
from evolve.peers.stand_in import evaluated

THEIRS = Path(__file__).parent / "theirs" / "{evaluator}"


class Imported(Evaluator):
    name = "{name}"
    summary = "Imported from a task of {tool}"  # DECIDE: one line on what it is about
    defines = {defines!r}
    limits = Limits(cpu_s={cpu_s:.1f})  # DECIDE: CPU seconds of the program in one evaluation (the task's time-out)

    def instances(self, split):  # DECIDE: the task has one evaluation for all splits, so nothing is held out
        return [Instance(f"{{split}}/task")]

    def evaluate(self, candidate, instance):
        found = evaluated("{kind}", THEIRS, candidate, {thresholds!r})
        score = found.score  # DECIDE: 0 is to be the seed's, 100 a strong reference's: relative_score(naive, best, x)
        return Outcome(score, found.metrics, found.feedback)
'''


@dataclass(frozen=True)
class Imported:
    """What came of an import. files: written.  decide: what a person must decide, one line each with its place."""

    files: list[Path]
    decide: list[str]


def import_task(folder: Path, out: Path) -> Imported:
    """Write a problem's folder from a task of another tool.

    Where the evaluator does more with the program than to call its functions nothing is written, and `decide` says
    what it does, line by line. Raises UsageError for what is no task, is no Python, or a folder that is there.
    """
    task = find_task(folder.resolve())
    if task is None:
        raise UsageError(f"{folder} is no task of OpenEvolve, SkyDiscover or ShinkaEvolve.")
    if task.language is not PYTHON or task.kind == "shell":
        raise UsageError(
            f"{folder}: its program is {task.language.name}, run by its evaluator in a process of its own: there is "
            f"nothing to import. Run it as it is: evolve run {folder}"
        )
    if not task.program.is_file():
        raise UsageError(
            f"{folder} has no {task.program.name}: give it the program that a search is to start from (the best one of "
            f"`evolve run {folder} --model NAME`), and import it then."
        )
    if out.exists():
        raise UsageError(f"{out} is there already: give another --out.")
    seed = task.program.read_text(encoding="utf-8-sig")
    functions = parameters_of(seed)
    source = task.evaluator.read_text(encoding="utf-8-sig")
    called, decide = _called(source, seed, list(functions), task.evaluator.name)
    for name in called:
        for one in functions[name].by_name:
            decide.append(f"{task.program.name}: {name}() takes {one} by name only: let it be given by position, too")
    if decide:
        return Imported([], decide)
    if not called:
        return Imported([], [f"{task.evaluator.name}: it calls none of the functions of {task.program.name} by name"])
    return _written(task, out, seed, called, functions)


def _written(task: Task, out: Path, seed: str, called: list[str], functions: dict[str, Parameters]) -> Imported:
    try:
        shutil.copytree(task.folder, out / "theirs", ignore=LEFT_OUT)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror or error}.") from None
    signatures = "\n".join(f"- `{name}({', '.join(functions[name].names)})`" for name in called)
    texts = {
        "evaluator.py": EVALUATOR.format(
            name=task.name,
            tool=task.format.value,
            evaluator=task.evaluator.relative_to(task.folder).as_posix(),
            defines=tuple(called),
            cpu_s=min(task.timeout_s, 300.0),
            kind=task.kind,
            thresholds=task.thresholds,
        ),
        "problem.md": f"{task.statement.rstrip()}\n\nThe program must define, and is asked by:\n\n{signatures}\n",
        "seed.py": seed,
    }
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    lines = texts["evaluator.py"].splitlines()
    marked = [(number, line) for number, line in enumerate(lines, 1) if "# DECIDE: " in line]
    decide = [f"{out / 'evaluator.py'}:{number}: {line.partition('# DECIDE: ')[2]}" for number, line in marked]
    return Imported([out / name for name in texts], decide)


def _called(source: str, seed: str, functions: list[str], name: str) -> tuple[list[str], list[str]]:
    """Return the functions of the program that an evaluator calls, and the lines in which it does more than call."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UsageError(f"{name} is no Python: line {error.lineno}: {error.msg}.") from None
    others = _defined(seed) - set(functions)
    words: dict[str, int] = {}
    decide: dict[int, str] = {}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute):
            words.setdefault(node.attr, line)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.setdefault(node.value, line)
        what = _more_than_a_call(node)
        if what:
            decide.setdefault(line, f"{what}: call it instead")
    for word in others & words.keys():
        what = f"it uses {word} of the program, which is no function: let a function return it"
        decide.setdefault(words[word], what)
    return [one for one in functions if one in words], [f"{name}:{line}: {decide[line]}" for line in sorted(decide)]


def _more_than_a_call(node: ast.AST) -> str:
    """Return what an evaluator does with the program's file there besides loading it; empty for nothing."""
    text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
    if isinstance(node, ast.Import | ast.ImportFrom):
        text = f"{getattr(node, 'module', None) or node.names[0].name}.{node.names[0].name}"
    if any(text == one or text.startswith(f"{one}.") or text.endswith(f".{one}") for one in APART):
        return "it starts a process, which the program would run in"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READS:
        said = ast.unparse(node)
        return f"it reads the program's text ({said[:60]})" if "path" in said else ""
    return ""


def _defined(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found
