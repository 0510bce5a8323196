"""Discoveries: what the command makes of a run is what the archive says, and can be played again from that alone."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from command_line import TRIVIAL, evolve
from loop_parts import HashModel, QuickPool, configured

from evolve import loop
from evolve.archive import Store, read_tape
from evolve.config import from_text
from evolve.discoveries import best_of, discoveries_of, find_discovery, start_of
from evolve.discoveries.account import BEGIN, END, UNWRITTEN, figures_text
from evolve.discoveries.head import Mean
from evolve.discoveries.making import on_split
from evolve.discoveries.replaying import differences
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.identity import identity
from evolve.mutate.models.answer import Answer
from evolve.mutate.prompts.prompt import Prompt
from evolve.registry import load_problem

FINISHED = 8


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Have the trivial problem scored in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("evolve.loop.session", "evolve.measure"):
            patch.setattr(f"{module}.make_pool", lambda *_: QuickPool())
        yield


@pytest.fixture(scope="module")
def made(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a problem with a discovery `found`, made of the run in `run` beside it."""
    top = tmp_path_factory.mktemp("discoveries")
    folder = top / "trivial"
    shutil.copytree(TRIVIAL, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "baselines").mkdir()
    (folder / "baselines" / "twenty.py").write_text("X = 20.0\n\n\ndef answer() -> float:\n    return X\n")
    config = configured(FINISHED, seed=3, model__names=("m", "n"))
    models = {"m": HashModel(3, cost_usd=None), "n": HashModel(4, values=90, cost_usd=None)}
    asyncio.run(loop.run(top / "run", config, load_problem(str(folder)), clients=models))
    said = evolve(
        *("discoveries", "--add", top / "run", "--name", "found", "--summary", "Says a number near 42"),
        *("--fresh", 8, "--fresh-seed", 5, "--problem", folder),
    )
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """Return a copy that may be changed."""
    shutil.copytree(made.parent, tmp_path / "own")
    return tmp_path / "own" / made.name


def test_what_is_made_of_a_run_is_what_its_archive_says(made: Path) -> None:
    (found,) = discoveries_of(load_problem(str(made)))
    head = found.head
    with Store.open(made.parent / "run") as store:
        best, summary = store.best(), store.summary()
        scores = {one.split.value: one.score for one in store.split_figures(best.id)} if best else {}
        calls = summary.calls
    assert best is not None and found.source == best.source and head.program == best.id and head.chosen
    assert head.splits["train"].program.mean == best.score
    assert {name: on.program.mean for name, on in head.splits.items()} == {**scores, "train": best.score}
    twenty = 100 * (1 - 22 / 41)
    for on in head.splits.values():
        assert (on.baseline, on.instances) == ("twenty", 1)
        assert on.of_baseline is not None and on.of_baseline.mean == pytest.approx(twenty)
        assert on.lead is not None and on.lead.mean == pytest.approx(on.program.mean - twenty)
    assert (head.cost.calls, head.cost.evaluations) == (calls.calls, 8)
    assert head.cost.tokens == calls.prompt_tokens + calls.completion_tokens > 0
    assert head.cost.usd is None and set(head.models) == {"m", "n"} and head.started_from == "seed"
    assert head.fresh is not None and (head.fresh.seed, head.fresh.instances) == (5, 8)
    assert head.fresh.others[0] == "seed" and "twenty" in head.fresh.others and not head.fresh.is_finding
    assert head.public is None


def test_the_account_has_the_figures_of_the_head_and_says_what_is_left_to_write(made: Path) -> None:
    (found,) = discoveries_of(load_problem(str(made)))
    account = (found.folder / "account.md").read_text()
    assert account.count(BEGIN) == account.count(END) == 1 and figures_text(found.head) in account
    assert account.startswith("# found\n\nSays a number near 42\n") and account.count(UNWRITTEN) == 4
    assert "- test/0: " in account and f"{found.on('test'):.2f}" in account


def test_a_program_that_did_not_win_and_a_problem_that_has_changed_are_scored_anew(own: Path) -> None:
    (own / "problem.md").write_text("Another text.\n")
    run = own.parent / "run"
    with Store.open(run) as store:
        other = min(
            (one for one in store.programs() if one.id > 0 and one.score is not None), key=lambda one: one.score
        )
        assert other.id != store.summary().winner_id
    add = ("discoveries", "--add", run, "--name", "other", "--program", other.id, "--problem", own, "--fresh", 4)
    said = evolve(*add)
    assert said.code == 2 and "problem.md changed" in said.err and "--accept-changes" in said.err
    said = evolve(*add, "--accept-changes", "--json")
    facts, lines = said.json, said.err.splitlines()
    assert lines[0] == "gathering the figures ..." and "drawing 4 fresh instances like those of test" in lines
    assert facts["ref"] == "trivial/other" and not facts["chosen"]
    assert {on["program"]["mean"] for on in facts["splits"].values()} == {other.score}
    assert len(facts["fresh"]["leads"]) == 2 and facts["fresh"]["others"] == ["seed", "twenty"]
    assert "which validation did NOT choose" in (own / "discoveries" / "other" / "account.md").read_text()
    assert evolve("replay", own / "discoveries" / "other").code == 0


def test_a_run_that_was_stopped_is_ended_first_with_what_it_has(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(HashModel):
        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            if call_id == 4:
                raise UsageError("stopped here")
            return await super().complete(prompt, call_id)

    monkeypatch.chdir(own.parent)
    problem, config = load_problem(str(own)), configured(20, seed=2, model__concurrency=1)
    with pytest.raises(UsageError, match="stopped here"):
        asyncio.run(loop.run(Path("stopped"), config, problem, clients={"m": Stopping(2)}))
    add = ("discoveries", "--add", "stopped", "--name", "early", "--problem", own, "--fresh", 2)
    said = evolve(*add)
    assert said.code == 2
    told = said.err.strip().rpartition("evolve resume ")[2].split()
    assert told == ["stopped", "--evaluations", "3"]
    config = config.model_copy(update={"budget": config.budget.model_copy(update={"evaluations": 3})})
    model = HashModel(2)
    asyncio.run(loop.run(Path("stopped"), config, problem, resume=True, clients={"m": model}))
    assert model.asked == [], "three are done: the question that waits for its answer is not asked again"
    facts = evolve(*add, "--json").json
    assert facts["cost"]["evaluations"] == 3 and facts["cost"]["failed_calls"] == 1


def test_the_best_baseline_of_a_split_is_one_that_is_sound_on_all_of_it() -> None:
    ours = {"a": 10.0, "b": 20.0}
    on = on_split(ours, {"half": {"a": 99.0}, "low": {"a": 1.0, "b": 2.0}, "high": {"a": 4.0, "b": 20.0}})
    assert (on.baseline, on.of_baseline and on.of_baseline.mean, on.lead and on.lead.mean) == ("high", 12.0, 3.0)
    assert on_split(ours, {}).lead is None and on_split(ours, {}).program.mean == 15.0
    assert isinstance(on.program, Mean)


def test_a_discovery_changes_no_hash_and_is_no_baseline_unless_asked_for(made: Path, own: Path) -> None:
    with_it = identity(load_problem(str(made)))
    shutil.rmtree(own / "discoveries")
    assert identity(load_problem(str(own))) == with_it
    assert list(load_problem(str(made)).baselines) == ["twenty"]
    plain = evolve("baselines", made, "--json").json["baselines"]
    both = evolve("baselines", made, "--discoveries", "--json").json["baselines"]
    assert [one["name"] for one in plain] == ["twenty"]
    (found,) = discoveries_of(load_problem(str(made)))
    assert [(one["name"], one["score"]) for one in both if one["name"] != "twenty"] == [
        ("discovery found", found.on(Split.TRAIN))
    ]


def test_it_is_played_again_from_the_record_and_the_problem_alone(made: Path, tmp_path: Path) -> None:
    place = made / "discoveries" / "found"
    said = evolve("replay", place, "--run", tmp_path / "again", "--workers", 3, "--json")
    assert said.code == 0, said.err
    assert said.json["same"] and said.json["programs"] == 8 and said.json["model_calls"] >= 8
    assert find_discovery(str(place / "record.jsonl.gz")).source == find_discovery(str(place)).source
    with Store.open(tmp_path / "again") as again, Store.open(made.parent / "run") as run:
        assert [one.source for one in again.programs()] == [one.source for one in run.programs()]
        assert from_text(again.config()).workers == 3


def test_it_is_played_again_also_when_prompts_and_searches_have_changed(own: Path) -> None:
    (own / "problem.md").write_text("Another text, so that no question is the same.\n")
    place = own / "discoveries" / "found"
    lines = gzip.decompress((place / "record.jsonl.gz").read_bytes()).decode().splitlines()
    head = json.loads(lines[0])
    config = tomllib.loads(head["config"])
    assert config["search"]["strategy"] == "portfolio"
    head["config"] = tomli_w.dumps(config | {"search": {"strategy": "climbing"}})
    (place / "record.jsonl.gz").write_bytes(gzip.compress("\n".join([json.dumps(head), *lines[1:]]).encode()))
    said = evolve("replay", place, "--json")
    assert said.code == 0, said.err + said.out
    assert "was found with another problem or version: problem.md changed" in said.err


def test_a_discovery_that_its_record_does_not_give_is_told(made: Path, own: Path) -> None:
    problem = load_problem(str(made))
    (found,) = discoveries_of(problem)
    with Store.open(made.parent / "run") as store:
        assert list(differences(found, store, problem)) == []
        on = found.head.splits[Split.TEST]
        higher = on.model_copy(update={"program": on.program.model_copy(update={"mean": on.program.mean + 1e-3})})
        splits = {**found.head.splits, Split.TEST: higher}
        wrong = replace(found, head=found.head.model_copy(update={"splits": splits}))
        assert [one.what for one in differences(wrong, store, problem)] == [
            f"program {found.head.program}: score on test"
        ]
        absent = replace(found, head=found.head.model_copy(update={"program": 99}))
        assert [one.replayed for one in differences(absent, store, problem)] == ["not there"]
    place = own / "discoveries" / "found"
    (place / "program.py").write_text("def answer():\n    return 42\n")
    said = evolve("replay", place)
    assert said.code == 1 and f"program {found.head.program}: recorded 'program.py', replayed 'other'" in said.out


def test_the_record_keeps_versions_and_choices(made: Path) -> None:
    tape = read_tape(made / "discoveries" / "found" / "record.jsonl.gz")
    assert tape.identity == identity(load_problem(str(made)))
    assert len(tape.choices) == tape.steps and tape.choices[0].parent_id == 0
    assert not tape.is_binding and tape.bound(1) is None
    config = tomllib.loads(tape.config)
    assert not {"record", "replay"} & set(config) and "templates" not in config["prompt"]


def test_a_run_starts_from_the_best_by_validation(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    other = own / "discoveries" / "other"
    shutil.copytree(own / "discoveries" / "found", other)
    problem = load_problem(str(own))
    (found, _) = discoveries_of(problem)
    head = (other / "discovery.toml").read_text().replace('name = "found"', 'name = "other"')
    lines = head.splitlines()
    place = lines.index("[splits.validation.program]") + 1
    lines[place] = "mean = 99.5"
    (other / "discovery.toml").write_text("\n".join(lines))
    assert best_of(problem).head.name == "other"
    assert start_of(problem, "best") == start_of(problem, "other") == start_of(problem, "trivial/other")
    said = evolve("run", own, "--from", "best", "--evaluations", 1, "--run", "best", "--json")
    assert said.code == 0, said.err
    names = [row["name"] for row in said.json["programs"] if row["role"] != "best"]
    assert names == ["start", "twenty", "seed"], "a discovery is no baseline unless it is asked for"
    with Store.open(own.parent / "best") as store:
        start = store.program(0)
        assert start is not None and start.source == found.source
        assert 'name = "discovery trivial/other"' in store.config()


def test_models_are_shown_discoveries_only_when_asked_for_and_the_record_has_them(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own.parent)
    said = evolve(
        "run", own, "--evaluations", 1, "--set", "prompt.discoveries=true", "--run", "shown", "--record", "tape"
    )
    assert said.code == 0, said.err
    shutil.rmtree(own / "discoveries")
    again = evolve("run", own, "--replay", "tape", "--run", "again")
    assert again.code == 0, again.err
    names = {}
    for run in ("shown", "again"):
        with Store.open(Path(run)) as store:
            names[run] = [program.name for program in store.programs() if program.id < 0]
    assert sorted(names["shown"]) == sorted(names["again"]) == ["discovery found", "twenty"]


def test_listing(made: Path) -> None:
    said = evolve("discoveries", made)
    assert said.code == 0 and "trivial/found" in said.out and "Says a number near 42" in said.out
    (facts,) = evolve("discoveries", made, "--json").json["discoveries"]
    assert (facts["ref"], facts["is_best"], facts["cost"]["evaluations"]) == ("trivial/found", True, 8)
    table = evolve("discoveries", made, "--markdown").out.splitlines()
    assert len(table) == 3 and "[trivial/found](evaluators/trivial/discoveries/found/account.md)" in table[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--add", "run"), "--add needs a --name"),
        (("--add", "run", "--name", "found"), "is there already"),
        (("--add", "run", "--name", "../up"), "a discovery's name has letters"),
        (("--add", "nowhere", "--name", "x"), "there is no run 'nowhere'"),
        (("--add", "run", "--name", "x", "--program", "twenty"), "or a baseline: it has not found it"),
        (("--add", "run", "--name", "x", "--program", "99"), "has no program '99'"),
        (("--name", "x"), "only --add RUN takes such options"),
        (("spot_singel",), "Did you mean 'spot_single'?"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    own: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(own.parent)
    before = sorted(own.rglob("discoveries/*"))
    said = evolve("discoveries", *arguments, *(("--problem", own) if "--add" in arguments else ()))
    assert said.code == 2 and words in said.err.splitlines()[-1]
    assert sorted(own.rglob("discoveries/*")) == before


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda text: "not TOML", "is not TOML"),
        (lambda text: text.replace("evaluations = 8", 'evaluations = "many"'), "cost.evaluations = 'many'"),
        (lambda text: text + "\n[taste]\n", "taste = {}: Extra inputs"),
    ],
)
def test_a_head_that_is_none_is_named(own: Path, break_it: object, words: str) -> None:
    head = own / "discoveries" / "found" / "discovery.toml"
    head.write_text(break_it(head.read_text()))  # type: ignore[operator]
    for command in (("discoveries", own), ("replay", head.parent), ("run", own, "--from", "best", "--evaluations", 1)):
        said = evolve(*command)
        assert said.code == 2 and words in said.err.splitlines()[-1], command


def test_names_of_discoveries_that_are_not_there() -> None:
    for ref in ("spot_single/nothing", "spot_single"):
        with pytest.raises(UsageError, match="there is no discovery"):
            find_discovery(ref)
    said = evolve("replay", "spot_single/nothing")
    assert said.code == 2 and "there is no discovery 'nothing' of spot_single" in said.err


def test_a_record_that_is_cut_or_swollen_is_one_line(own: Path) -> None:
    record = own / "discoveries" / "found" / "record.jsonl.gz"
    whole = record.read_bytes()
    for content, words in (
        (whole[: len(whole) // 2], "a deflated text that is cut"),
        (gzip.compress(b" " * 65_000_000, 1), "a text of more than 64 MB"),
        (b"", "it is empty"),
        (b"\x1f\x8b nothing", "not deflated text"),
    ):
        record.write_bytes(content)
        said = evolve("replay", record.parent)
        assert said.code == 2 and words in said.err.splitlines()[-1]
