"""evolve audit."""

from __future__ import annotations

import click

from evolve import streams
from evolve.cli import options

NOT_TRUE = 1


@click.command(short_help="Check that the figures of a run are true.")
@click.argument("run", metavar="RUN")
@options.problem
@options.trust
@options.workers
@options.require_isolation
@options.accept_changes
@options.fresh("Score the best program, the seed and the best baselines also on N instances that nobody has seen.")
@options.as_json
@options.archive
def audit(
    run: str,
    problem: str | None,
    trust: bool,
    workers: int | None,
    require_isolation: bool,
    accept_changes: bool,
    fresh: int | None,
    fresh_seed: int | None,
    as_json: bool,
) -> int:
    """Score the best program of RUN again, twice on every split, and compare each figure with the archive.

    The seed and the baselines are scored again too.

    It also prints what a person should look at: train much better than test, CPU time that varies, failures of one
    kind on one instance, source that mentions frames, gc, ctypes, os, sys, inspect or open, a best.py that is not the
    archive's.

    With --fresh N, it says by how much its lead over the seed and the best baselines falls on instances drawn now,
    with 95 % intervals: a program that knows the instances of the splits by heart loses it.

    Exit code 1 when a figure does not reproduce or the lead falls beyond chance, else 0.
    """
    import asyncio

    from evolve.audit import Subject, rescore, rivals, score_afresh
    from evolve.identity import require_same
    from evolve.registry import load_recorded
    from evolve.report.damaged import opened
    from evolve.report.places import find_program
    from evolve.report.trust import require_trust

    with opened(run) as store:
        best = find_program(store, "best")
        subject, programs, recorded = Subject.read(store, best), rivals(store, best), store.identity()
    drawn = options.fresh_drawn(fresh, fresh_seed)
    config = subject.config
    require_trust(subject.folder, config, trust, asks_models=False, own_problem=problem is not None)
    loaded = load_recorded(config.problem, config.evaluator, problem)
    changed = require_same(recorded, loaded, accept_changes, f"evolve audit {run}")
    if changed:
        streams.say(f"evolve: compared with figures of another problem or version: {'; '.join(changed)}", err=True)
    isolated = require_isolation or config.require_isolation
    count = workers or config.workers
    settings = config.model_copy(update={"workers": count, "require_isolation": isolated})
    afresh = None
    with options.announcing("scoring again ...") as announce:
        if drawn is not None:  # first: a problem that draws none says so at once
            afresh = asyncio.run(score_afresh(loaded, settings, programs, drawn, announce))
        found = asyncio.run(rescore(subject, loaded, count, isolated, announce))
    if as_json:
        from evolve.report.audit_document import audit_document

        options.print_json(audit_document(found, afresh))
    else:
        from evolve.report.audit_screen import print_audit
        from evolve.report.terminal import Terminal

        print_audit(Terminal(), found, afresh)
    return 0 if found.reproduces and not (afresh and afresh.is_finding) else NOT_TRUE
