"""The verifier: what it scores and says; real programs in the sandbox; the statement's example; files."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from in_process import InProcess

import seeds
from evaluators import job_shop
from evaluators.job_shop import JobShop
from evaluators.job_shop.baselines import fifo
from evaluators.job_shop.dispatching import Observation, dispatched
from evaluators.job_shop.figures import RULES, Figures, cost, digest, figures_of, served_by, weighted_tardiness
from evaluators.job_shop.public_format import parsed, read_shops, written
from evaluators.job_shop.shop import KINDS, Breakdown, Info, Job, JobInfo, Shop, ShopInstance, makespan_bound_ticks
from evolve.evaluator import CandidateFailure, Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(job_shop.__file__).parent
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "job_shop.py").read_text()
STATEMENT = (FOLDER / "problem.md").read_text()
EVALUATORS = {kind: JobShop(JobShop.Options(kind=kind)) for kind in KINDS}
ONE = Shop(
    2, tuple(Job(tuple(((m, t),) for m, t in ops)) for ops in ([(0, 3), (1, 2)], [(0, 2), (1, 4)], [(1, 3), (0, 1)]))
)


def case(shop, kind="jsp", **more):
    return ShopInstance("data/0", kind, lambda: shop, **more)


# Scores


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_scores_zero_and_the_reference_a_hundred(kind):
    evaluator = EVALUATORS[kind]
    for instance in (evaluator.instances(Split.TRAIN)[0], evaluator.instances(Split.TEST)[0]):
        seed, naive = (evaluator.evaluate(InProcess(source), instance) for source in (SEED, SOURCES["fifo"]))
        assert (seed.score, naive.score) == (0, 0)
        assert seed.metrics == naive.metrics


def test_the_best_rule_with_hindsight_scores_a_hundred_when_jobs_come_as_time_goes_by():
    instance = EVALUATORS["dynamic"].instances(Split.TRAIN)[0]
    best = min(RULES, key=lambda rule: cost(instance, served_by(instance, rule)))
    outcome = EVALUATORS["dynamic"].evaluate(InProcess(Path(best.__file__).read_text()), instance)
    assert outcome.score == pytest.approx(100)


def test_who_is_better_than_the_reference_gets_more_and_who_matches_an_optimum_a_hundred():
    (ft06,) = (one for one in EVALUATORS["jsp"].instances(Split.PUBLIC) if one.id == "public/ft06")
    assert figures_of(ft06) == Figures(served_by(ft06, fifo).makespan_ticks, 55, proved=True)
    for kind in ("jsp", "fjsp", "blocking"):
        for instance in EVALUATORS[kind].instances(Split.TRAIN)[:4]:
            figures = figures_of(instance)
            assert makespan_bound_ticks(instance.shop) <= figures.reference < figures.naive


def test_tardiness_is_weighted_and_the_first_jobs_do_not_count():
    """Due at 4, 4 and 20; ends at 3, 6 and 8: the second is 2 late, weight 4; the last is early."""
    shop = Shop(1, (Job((((0, 3),),), 0, 4), Job((((0, 3),),), 0, 4, 4), Job((((0, 2),),), 1, 20)))
    schedule = dispatched(shop, False, lambda floor, options: 0)
    assert weighted_tardiness(shop.jobs, schedule) == [0, 8, 0]
    assert cost(case(shop, "dynamic"), schedule) == pytest.approx(8 / 3)
    assert cost(case(shop, "dynamic", warm_up=2), schedule) == 0


def test_without_due_dates_the_rules_for_them_are_plain_ones():
    instance = EVALUATORS["jsp"].instances(Split.TRAIN)[0]
    runs = {name: EVALUATORS["jsp"].evaluate(InProcess(SOURCES[name]), instance) for name in ("spt", "atc", "covert")}
    assert runs["spt"].metrics == runs["atc"].metrics == runs["covert"].metrics


def test_the_orders_of_the_rules_hold_where_jobs_are_due():
    """Weights and due dates together beat either; Vepsalainen & Morton 1987."""
    means = {}
    for name in ("atc", "covert", "spt", "edd", "mwkr"):
        evaluator = EVALUATORS["dynamic"]
        scores = [evaluator.evaluate(InProcess(SOURCES[name]), one).score for one in evaluator.instances(Split.TRAIN)]
        means[name] = sum(scores) / len(scores)
    assert min(means["atc"], means["covert"]) > means["spt"] > means["mwkr"]
    assert min(means["atc"], means["covert"]) > means["edd"] > means["mwkr"]


# What a program sees and cannot do


def test_who_will_come_and_when_machines_break_is_nowhere_to_be_seen():
    instance = next(one for one in EVALUATORS["dynamic"].instances(Split.TRAIN) if one.shop.breakdowns)
    spy = (
        "class Policy:\n"
        "    def __init__(self, info):\n"
        "        assert not info.jobs\n"
        "        self.known = set()\n"
        "    def dispatch(self, obs):\n"
        "        assert all(one.arrival == obs.now or one.arrival < obs.now for one in obs.arrived)\n"
        "        self.known |= {one.job for one in obs.arrived}\n"
        "        assert set(obs.job) <= self.known\n"
        "        return 0\n"
    )
    assert EVALUATORS["dynamic"].evaluate(InProcess(spy), instance).score is not None


@pytest.mark.slow
def test_every_baseline_runs_on_every_kind_in_the_sandbox_within_its_limits():
    with Sandbox(JobShop.limits) as sandbox:
        for number, (name, source) in enumerate(SOURCES.items()):
            kind = KINDS[number % len(KINDS)]
            instance = EVALUATORS[kind].instances(Split.TEST)[-1]
            result = evaluate_instance(EVALUATORS[kind], sandbox, source, instance)
            assert result.status is Status.OK, (name, result.feedback)
        instance = EVALUATORS["jsp"].instances(Split.TRAIN)[0]
        honest = EVALUATORS["jsp"].evaluate(InProcess(SOURCES["spt"]), instance)
        with sandbox.start(SOURCES["spt"]) as one:
            assert EVALUATORS["jsp"].evaluate(one, instance) == honest
        with (
            pytest.raises(CandidateFailure),
            sandbox.start(SOURCES["spt"].replace("return min", "while 1: min")) as one,
        ):
            EVALUATORS["jsp"].evaluate(one, instance)


# What it says


def test_feedback_names_who_waited_behind_whom_in_500_characters():
    text = EVALUATORS["jsp"].evaluate(InProcess(SOURCES["lpt"]), case(ONE)).feedback
    assert re.match(
        r"jsp, 3 jobs on 2 machines: makespan \d+ \(best known \d+, first come first served \d+, no sch", text
    )
    assert re.search(r"operation \d of job \d waited \d+ ticks for machine \d behind operation \d of job \d", text)
    for kind in KINDS:
        for instance in EVALUATORS[kind].instances(Split.TEST)[::3]:
            assert len(EVALUATORS[kind].evaluate(InProcess(SEED), instance).feedback) <= 500
    late = EVALUATORS["dynamic"].evaluate(InProcess(SEED), EVALUATORS["dynamic"].instances(Split.TRAIN)[0]).feedback
    assert re.search(
        r"worst: job \d+ \(weight \d, there at \d+, due at \d+\) ended at \d+; its \d+ operations waited", late
    )


def test_the_example_of_the_statement_runs_and_gives_what_it_shows():
    (block,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    scope: dict = {}
    exec(block, scope)
    shop = Shop(2, tuple(Job(tuple(tuple(op) for op in ops)) for ops in scope["jobs"]))
    assert shop == ONE
    assert scope["Policy"](SimpleNamespace(jobs=[])).dispatch(SimpleNamespace(**scope["first"])) == scope["answer"]
    seen = []

    def choose(floor, options):
        seen.append(floor.observation(options))
        return scope["Policy"](SimpleNamespace(jobs=[])).dispatch(seen[-1])

    schedule = dispatched(shop, False, choose)
    for name, value in scope["first"].items():
        assert getattr(seen[0], name) == value, name
    assert [[run.start for run in runs] for runs in schedule.runs] == scope["starts"]
    assert schedule.makespan_ticks == scope["makespan"]


def test_every_attribute_is_explained():
    for record in (Info, JobInfo, Observation):
        for name in record.__struct_fields__:
            assert f"`{name}`" in STATEMENT, name


# Files


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_back_and_needs_no_new_figures(kind, tmp_path):
    own = EVALUATORS[kind].instances(Split.TRAIN)
    EVALUATORS[kind].write(own, tmp_path)
    again = EVALUATORS[kind].load(tmp_path)
    assert [digest(one) for one in again] == [digest(one) for one in own]
    assert [figures_of(one) for one in again] == [figures_of(one) for one in own]


def test_machines_from_one_and_a_mean_choice_are_read_as_the_literature_writes_them():
    flexible = "2 2 1.5\n1 2 1 3 2 4\n2 1 2 5 1 1 6\n"
    assert parsed(flexible, flexible=True)[0].jobs[0].ops == (((0, 3), (1, 4)),)
    assert parsed("# ft\n1 2\n\n2 5 1 4\n", flexible=False)[0].jobs[0].ops == (((1, 5),), ((0, 4),))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", "jsp", "is empty"),
        ("1\n", "jsp", "line 1: expected 'jobs machines'"),
        ("2 2\n0 1 1 1\n", "jsp", "has 1 lines of jobs where line 1 says 2"),
        ("1 2\n0 1 1\n", "jsp", "line 2: 3 numbers; expected pairs"),
        ("1 2\n0 1 3 1\n", "jsp", "line 2: a machine of operation 1 is '3'; expected a whole number from 0 to 2"),
        ("1 2\n0 1 2 1\n", "jsp", "names machines 0 and 2"),
        ("1 2\n0 1 1 -4\n", "jsp", "line 2: the duration of operation 1 is '-4'"),
        ("1 2\n2 1 0 5\n", "fjsp", "line 2 ends where the number of machines of operation 1 is expected"),
        ("1 2\n1 1 0 5 7\n", "fjsp", "line 2 goes on after the last operation"),
        ("1 2\n1 2 0 5 0 6\n", "fjsp", "line 2: operation 0 names a machine twice"),
        ("1 1\n1 1 0 5\n", "dynamic", "job 0 has no due date"),
        ("1 1\n1 1 0 5\n# job 1 arrival 3 due 9 weight 1\n", "dynamic", "line 3: expected a job in 0..0"),
        ("1 1\n1 1 0 5\n# job arrives 3\n", "dynamic", "line 3: '# job arrives 3'; expected e.g."),
        ("1 1\n0 5\n# machine 0 down 5 5\n", "blocking", "line 3: expected a machine in 0..0 that is down from a to b"),
        (
            "1 1\n0 5\n# machine 0 down 1 5\n# machine 0 down 5 6\n",
            "blocking",
            "breaks down at 5, before it is repaired",
        ),
        ("1 1\n0 5\n# machine 0 down 1 5\n", "jsp", "has breakdowns"),
        ("1 1\n0 5\n# job 0 arrival 0 due 9 weight 1\n", "jsp", "has arrivals or due dates"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path, text, kind, message):
    file = tmp_path / "one.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"job_shop: .*one\.txt") as error:
        read_shops(file, kind)
    assert message in str(error.value)


def test_a_folder_without_shops_and_a_path_that_is_none_are_said(tmp_path):
    for path, message in ((tmp_path, "has no"), (tmp_path / "none", "does not exist")):
        with pytest.raises(UsageError, match=message):
            read_shops(path, "jsp")


def test_breakdowns_and_due_dates_survive_a_file():
    shop = Shop(2, (Job((((0, 3),), ((1, 2),)), 0, 9, 4), Job((((1, 1),),), 5, 6)), (Breakdown(1, 3, 8),))
    assert parsed(written(shop, 1, flexible=True), flexible=True) == (shop, 1)
    assert partial(written, shop, 0)(flexible=False).splitlines()[:3] == ["2 2", "0 3 1 2", "1 1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_shows_all_that_a_machine_does_once(kind):
    instance = EVALUATORS[kind].instances(Split.TRAIN)[0]
    gantt, other = EVALUATORS[kind].picture(InProcess(SEED), instance).panels
    ran = [one for lane in gantt.lanes for one in lane.intervals if "operation" in one.text]
    schedule = served_by(instance, fifo)
    assert len(gantt.lanes) == instance.shop.machines
    assert len(ran) == sum(len(job.ops) for job in instance.shop.jobs)
    assert max(one.end for one in ran) == schedule.makespan_ticks
    if kind == "dynamic":
        (late,) = other.lines
        assert sum(y for _, y in late.points) == sum(weighted_tardiness(instance.shop.jobs, schedule))
    else:
        assert all(0 < bar.value <= 100 for bar in other.bars)
        last = [one for one in ran if one.kind == "on the chain that ends last"]
        assert max(one.end for one in last) == schedule.makespan_ticks
