"""What the commands print in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from evolve.archive import ModelCall, Program, Selection, Store
from evolve.evaluator import Evaluator, Split
from evolve.foreign import remark_of
from evolve.host import Host
from evolve.report.beside import print_beside
from evolve.report.cpu import cpu_limit_s, cpu_text, warning_text
from evolve.report.figures import (
    bytes_text,
    done_text,
    duration_text,
    figure_text,
    mutators_text,
    pace_text,
    score_text,
    search_text,
    seconds_text,
    usd_text,
)
from evolve.report.fresh_screen import interval_text
from evolve.report.judgement import choice, verdict
from evolve.report.run_report import RunReport, hints
from evolve.report.score_document import ranked, score_interval
from evolve.report.sparkline import sparkline
from evolve.report.steps import print_call, result_of, selection_facts
from evolve.report.tables import (
    Scored,
    facts_table,
    front_table,
    instance_table,
    plain_table,
    result_table,
    scored_tables,
    worst_first,
)
from evolve.safe_text import one_line, visible
from evolve.scoring import InstanceResult, Status
from evolve.words import counted

if TYPE_CHECKING:
    from evolve.measure import Measured, Spread
    from evolve.workers import Fresh

CURVE_WIDTH = 60
INSTANCES_SHOWN = 12
FEEDBACK_SHOWN = 2


def print_result(console: Console, report: RunReport) -> None:
    """Print the end of a run: the table, whether it beat the seed, where everything is and how to check it."""
    console.print(result_table(report))
    print_verdict(console, report)
    folder = shlex.quote(str(report.folder))
    console.print(one_line(f"run folder: {report.folder}"), soft_wrap=True)
    commands = (
        ("show", "what came of it"),
        ("audit", "is the score true? scores the best program again"),
        ("report", "see it: one page with curve, lineage, differences and pictures"),
    )
    for command, what in commands:
        console.print(Text.assemble(one_line(f"evolve {command} {folder}"), (f"   # {what}", "dim")), soft_wrap=True)


def print_verdict(console: Console, report: RunReport) -> None:
    """Print the verdict, and what else should be known."""
    console.print(one_line(" ".join(filter(None, (verdict(report), choice(report))))))
    for hint in hints(report):
        console.print(hint, style="yellow")


def print_run(console: Console, report: RunReport) -> None:
    """Print everything that is reported about a run."""
    why = f": {one_line(report.reason)}" if report.reason else ""
    console.print(Text.assemble((one_line(str(report.folder)), "bold"), f"  {report.status}{why}"))
    calls = report.calls
    cost = usd_text(calls.cost_usd) if report.cost_known else "price unknown"
    facts = {
        "evaluator": report.config.problem or report.evaluator,
        "changes by": mutators_text(report.config),
        "search": search_text(report.config),
        "done": f"{done_text(report)}, in {duration_text(report.active_s)}, "
        f"{pace_text(report.evaluations, report.active_s)}",
        "cost": f"{cost}, {calls.calls} model calls ({calls.failed} failed), "
        f"{calls.prompt_tokens} + {calls.completion_tokens} tokens"
        if calls.calls
        else "nothing, no model was asked",
    }
    if calls.cut_off:
        most = f"at most {usd_text(calls.cut_off_usd)} and " if report.cost_known else "at most "
        facts["cut off"] = f"{counted(calls.cut_off, 'request')} by a kill: {most}{calls.cut_off_tokens} tokens more"
    if report.outrun:
        facts["outrun"] = f"{report.outrun} of them, stopped early: too far behind the elites to be one"
    if report.curve:
        blocks = "utf" in console.encoding.lower()
        width = min(CURVE_WIDTH, max(10, console.width - 30))
        facts["best on train"] = (
            f"{report.curve[0]:.2f} {sparkline(report.curve, width, blocks)} {report.curve[-1]:.2f}"
        )
    console.print(facts_table(facts))
    console.print(result_table(report))
    print_verdict(console, report)
    if report.front is not None:
        console.print()
        console.print(front_table(report.front))
    if report.setbacks:
        table = plain_table("What did not work")
        table.add_column("what", no_wrap=True)
        table.add_column("times", justify="right", no_wrap=True)
        table.add_column("most often")
        for setback in report.setbacks:
            table.add_row(setback.what.replace("_", " "), str(setback.count), one_line(setback.example))
        console.print()
        console.print(table)
    folder = one_line(shlex.quote(str(report.folder)))
    console.print()
    for rest in (f"show {folder} best", f"show {folder} --programs", f"diff {folder}", f"audit {folder}"):
        console.print(f"evolve {rest}", style="dim", soft_wrap=True)


def print_program(console: Console, store: Store, program: Program) -> None:
    """Print how a program came about and what it scored."""
    title = f"program {program.id}" + (f" ({one_line(program.name)})" if program.name else "")
    console.print(Text.assemble((title, "bold"), f" of {one_line(str(store.folder))}"), soft_wrap=True)
    facts = {"made by": program.kind}
    selection, call = store.selection(program.id), store.model_call(program.id)
    if selection is not None:
        facts["made by"] = f"{selection.mutator}, {program.kind}, from program {program.parent_id}"
        facts |= selection_facts(selection, call)
        if program.idea:
            facts["its idea"] = one_line(program.idea)
    results = store.evaluations(program.id, Split.TRAIN)
    facts["train"] = score_text(program.status, program.score)
    if program.status is Status.OUTRUN and selection is not None:
        of = len(store.evaluations(0, Split.TRAIN))
        facts["train"] += (
            f": stopped after {len(results)} of {counted(of, 'instance')}, behind program {selection.bar_id}"
        )
    for figure in store.split_figures(program.id):
        facts[figure.split.value] = score_text(figure.status, figure.score)
    limit_s = cpu_limit_s(store)
    facts["CPU on train"] = seconds_text(program.cpu_s)
    if results:
        facts["most CPU"] = cpu_text(results, limit_s)
    console.print(facts_table(facts))
    if warning_text(results, limit_s):
        console.print(warning_text(results, limit_s), style="yellow", soft_wrap=True)
    if program.metrics:
        console.print(facts_table({name: figure_text(value) for name, value in program.metrics.items()}))
    print_beside(console, store, program)
    _print_instances(console, results)
    if program.parent_id is not None:
        folder = one_line(shlex.quote(str(store.folder)))
        for rest in (
            f"diff {folder} {program.parent_id} {program.id}",
            f"show {folder} {program.id} --source",
            f"show {folder} {program.id} --prompt --answer",
        ):
            console.print(f"evolve {rest}", style="dim", soft_wrap=True)


def print_source(console: Console, program: Program) -> None:
    """Print a program's source, highlighted where the terminal has colours."""
    from rich.syntax import Syntax

    source = visible(program.source).rstrip()
    console.print(Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True))


def print_step(console: Console, store: Store, selection: Selection, call: ModelCall | None) -> None:
    """Print what became of a step that made no program, with what was answered."""
    console.print(
        Text.assemble((f"step {selection.step}", "bold"), f" of {one_line(str(store.folder))}, which made no program"),
        soft_wrap=True,
    )
    kind = f", {selection.kind}" if selection.kind else ""
    made = f"{selection.mutator}{kind}, from program {selection.parent_id}"
    facts = {"tried by": made, "what became of it": result_of(selection), **selection_facts(selection, call)}
    console.print(facts_table(facts))
    if call is not None and call.answer:
        console.print()
        print_call(console, call, prompt=False, answer=True)


def print_score(
    console: Console, evaluator: Evaluator, split: Split, measured: Measured, fresh: Fresh | None = None
) -> None:
    """Print what a program scored, instance by instance. fresh: what the instances were drawn from, if they were."""
    score, where = measured.score, split.value if fresh is None else f"fresh {split} of seed {fresh.seed}"
    _print_instances(console, score.instances)
    facts = {
        "program": measured.name,
        "evaluator": f"{evaluator.name}, {where}, {_count(len(score.instances), 'instance')}",
        "status": score.status.value,
        **({"remark": remark} if (remark := remark_of(evaluator, split)) else {}),
        "score": interval_text(score_interval(score)) + (", 95 % over instances" if score.score is not None else ""),
        **{name: figure_text(value) for name, value in score.metrics.items()},
        "CPU": seconds_text(score.cpu_s),
        "wall": seconds_text(measured.wall_s[measured.scores.index(score)]),
        "peak memory": bytes_text(score.peak_rss_bytes),
    }
    if len(measured.scores) > 1:
        facts[f"CPU of {len(measured.scores)} repeats"] = _spread_text(measured.cpu_spread_s(), seconds_text)
        spread = measured.score_spread()
        if spread is not None:
            facts[f"score of {len(measured.scores)} repeats"] = _spread_text(spread, lambda x: f"{x:.2f}")
    console.print(facts_table(facts))
    if evaluator.remark(split):
        console.print(evaluator.remark(split), style="yellow")


def print_baselines(console: Console, evaluator: Evaluator, split: Split, measured: Sequence[Measured]) -> None:
    """Print baselines by score, with their raw figures."""
    scale = evaluator.score_means or "0 = naive, 100 = reference, higher is better"
    console.print(f"{evaluator.name} on {split}: {scale}")
    if not measured:
        console.print(f"{evaluator.name} has no baselines.")
        return
    rows = [
        Scored(one.name, one.score.status, one.score.score, one.score.cpu_s, one.score.metrics)
        for one in ranked(measured)
    ]
    for table in scored_tables(rows, console.width):
        console.print(table)
    for one in measured:
        if one.score.score is None and one.score.feedback:
            console.print(f"{one_line(one.name)}: {_quoted(one.score.feedback)}", style="yellow")


def print_host(console: Console, host: Host) -> None:
    """Print what `evolve doctor` found."""
    memory = "unknown"
    if host.memory_bytes is not None and host.memory_free_bytes is not None:
        memory = f"{bytes_text(host.memory_bytes)}, {bytes_text(host.memory_free_bytes)} free"
    console.print(
        facts_table(
            {
                "evolve": host.evolve,
                "python": host.python,
                "platform": host.platform,
                **({"container": host.container.text} if host.container else {}),
                "cores": str(host.cores),
                "memory": memory,
                "disk free": bytes_text(host.disk_free_bytes),
                "packages": ", ".join(f"{name} {version or 'MISSING'}" for name, version in host.packages.items()),
            }
        )
    )
    table = plain_table("Isolation of candidate programs")
    for name in ("layer", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("what is in force, or what to do")
    for layer in host.layers:
        state = Text("active", style="green") if layer.active else Text("MISSING", style="bold red")
        text = layer.detail if layer.active or not layer.advice else f"{layer.detail}. {layer.advice}"
        table.add_row(layer.name, state, Text(text))
    console.print()
    console.print(table)
    if host.isolated:
        console.print("Every layer is active.")
    else:
        console.print("Programs run without the missing layers; --require-isolation refuses to.")


def _print_instances(console: Console, results: Sequence[InstanceResult]) -> None:
    """Print the instances with the lowest scores, and what is said about the worst of them."""
    worst = worst_first(results)
    console.print(instance_table(worst[:INSTANCES_SHOWN]))
    if len(worst) > INSTANCES_SHOWN:
        console.print(f"The {INSTANCES_SHOWN} worst of {len(worst)}; --json gives all.\n")
    for result in worst[:FEEDBACK_SHOWN]:
        if result.feedback:
            console.print(Text.assemble((one_line(result.instance_id), "bold"), ": ", _quoted(result.feedback.strip())))
    console.print()


def _quoted(text: str) -> str:
    """Return a candidate's words with every further line indented: none of them can pose as a line of the report."""
    return visible(text).replace("\n", "\n    ")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _spread_text(spread: Spread, text: Callable[[float], str]) -> str:
    return f"median {text(spread.median)}, quartiles {text(spread.lower_quartile)} to {text(spread.upper_quartile)}"
