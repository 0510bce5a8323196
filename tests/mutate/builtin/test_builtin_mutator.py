"""The claims of the built-in mutator: always a program, always another one, only where it may, from chance alone."""

import os
import random
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from varied_programs import MARKED, PROGRAMS, TWO_BLOCKS, UNCHANGEABLE

from evolve.mutate.answers.evolve_block import editable_lines
from evolve.mutate.builtin import WEIGHTS, BuiltinMutator
from evolve.mutate.builtin.mutator import LARGEST, analysed
from evolve.mutate.builtin.sameness import same
from evolve.mutate.mutation import Example, Proposal, Request
from evolve.mutate.source import check, fingerprint, parse

ROOT = Path(__file__).parents[3]
SPOT = (ROOT / "seeds" / "spot_single.py").read_text()
EPLB = (ROOT / "seeds" / "eplb.py").read_text()


def propose(source: str, defines: tuple[str, ...], chance: str, *others: str) -> Proposal:
    inspirations = tuple(Example(i + 1, other, "ok", 1.0) for i, other in enumerate(others))
    rng = random.Random(chance)
    return BuiltinMutator().propose(Request(1, "any", "", defines, Example(0, source, "ok", 0.0), inspirations, rng))


def chain(source: str, defines: tuple[str, ...], steps: int, chance: str) -> list[str]:
    """Return the programs of a random walk, each a child of the one before."""
    programs = [source]
    for step in range(steps):
        other = programs[len(programs) // 2]
        child = propose(programs[-1], defines, f"{chance}/{step}", other).source
        if child is not None:
            programs.append(child)
    return programs


def outside_blocks(source: str) -> list[str]:
    lines = source.splitlines(keepends=True)
    inside = {i for block in editable_lines(lines) for i in block}
    return [line for i, line in enumerate(lines) if i not in inside]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_child_is_another_program_that_parses_and_defines_what_it_must(name: str) -> None:
    source, defines = PROGRAMS[name]
    others = [program for program, _ in PROGRAMS.values()]
    current = source
    for step in range(30):
        other = others[step % len(others)]
        proposal = propose(current, defines, f"{name}/{step}", other)
        if proposal.source is None:
            assert proposal.error
            continue
        assert check(proposal.source, defines) == ""
        assert fingerprint(proposal.source) not in (fingerprint(current), fingerprint(other))
        assert set(proposal.kind.split("+")) <= set(WEIGHTS)
        current = proposal.source
    assert current != source


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_two_thousand_changes_of_all_kinds_of_programs_never_fail(name: str) -> None:
    source, defines = PROGRAMS[name]
    others = [program for program, _ in PROGRAMS.values()]
    current = source
    for step in range(2000 // len(PROGRAMS) + 1):
        proposal = propose(current, defines, f"{name}/many/{step}", others[step % len(others)])
        assert proposal.source is None or check(proposal.source, defines) == ""
        current = source if step % 40 == 0 else proposal.source or current


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_a_parent_that_cannot_be_changed_is_an_error_and_no_exception(name: str) -> None:
    source, defines = UNCHANGEABLE[name]
    proposal = propose(source, defines, "1")
    assert proposal.source is None
    assert proposal.error
    assert "\n" not in proposal.error


@pytest.mark.parametrize("source", [MARKED, TWO_BLOCKS, SPOT, EPLB], ids=["marked", "two blocks", "spot", "eplb"])
def test_what_is_outside_the_evolve_blocks_stays_byte_for_byte(source: str) -> None:
    kept = outside_blocks(source)
    for step in range(40):
        child = propose(source, (), f"blocks/{step}", SPOT, EPLB).source
        assert child is not None
        assert outside_blocks(child) == kept


def test_comments_outside_the_changed_statements_stay() -> None:
    source = "# one\nA = 1.0  # two\n\n\ndef f(x):\n    # three\n    return x * A  # four\n# five"
    kept = Counter(
        word
        for step in range(60)
        for word in ("one", "two", "three", "four", "five")
        if f"# {word}" in (propose(source, ("f",), f"comments/{step}").source or "")
    )
    assert kept["one"] == kept["five"] == 60
    assert all(kept[word] > 10 for word in ("two", "three", "four"))


def test_a_child_has_the_line_ends_of_its_parent() -> None:
    source = "def f(x):\r\n\ty = x + 1\r\n\treturn y * 2\r\n"
    for step in range(20):
        child = propose(source, ("f",), f"ends/{step}").source
        assert child is not None
        assert child.count("\n") == child.count("\r\n") == len(child.split("\n")) - 1


def test_chance_alone_decides_whatever_the_process_and_its_hash_seed() -> None:
    script = textwrap.dedent(
        """
        import hashlib, random, sys
        from pathlib import Path
        from evolve.mutate.builtin import BuiltinMutator
        from evolve.mutate.mutation import Example, Request
        spot, eplb = (Path(name).read_text() for name in sys.argv[1:])
        digest = hashlib.sha256()
        for source, other in ((spot, eplb), (eplb, spot)):
            previous = other
            for step in range(40):
                parent, inspiration = Example(0, source, "ok", 0.0), Example(1, previous, "ok", 0.0)
                rng = random.Random(f"7/mutate/{step}")
                proposal = BuiltinMutator().propose(Request(step, "any", "", (), parent, (inspiration,), rng))
                previous = proposal.source or previous
                digest.update(repr(proposal).encode())
        print(digest.hexdigest(), hash("a"))
        """
    )
    files = [str(ROOT / "seeds" / name) for name in ("spot_single.py", "eplb.py")]
    printed = [
        subprocess.run(
            [sys.executable, "-c", script, *files],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert printed[0][1] != printed[1][1], "the processes should hash differently"
    assert printed[0][0] == printed[1][0]


@pytest.mark.parametrize(
    ("source", "defines"),
    [
        pytest.param(SPOT, ("Policy",), id="spot"),
        pytest.param(EPLB, ("rebalance",), id="eplb", marks=pytest.mark.slow),
    ],
)
def test_a_long_chain_of_children_does_not_grow_without_bound(source: str, defines: tuple[str, ...]) -> None:
    programs = chain(source, defines, 120, "chain")
    assert len(programs) > 90
    assert max(analysed(program).program.nodes for program in programs) <= LARGEST


CROSSED = (
    """
class P:
    def __init__(self, i):
        self.a = i
    def f(self, x):
        y = x + 1
        return y
    def mine(self):
        return self.a * 3
""",
    """
RATE = 0.25
FLOOR = RATE / 2
class P:
    def __init__(self, i):
        self.a = i
        self.b = RATE
    def f(self, x):
        y = x + 1
        y = max(FLOOR, self.b * y)
        return y - FLOOR
""",
)


def test_crossover_brings_the_constants_and_attributes_that_it_needs() -> None:
    mine, theirs = CROSSED
    crossed = 0
    for step in range(400):
        proposal = propose(mine, ("P",), f"cross/{step}", theirs)
        if proposal.kind == "crossover" and proposal.source is not None:
            names: dict[str, type] = {}
            exec(proposal.source, names)
            names["P"](2.0).f(3.0)  # type: ignore[attr-defined]
            crossed += "FLOOR" in proposal.source
    assert crossed >= 3


class Facts:
    """A tick as the spot policies see it."""

    tick_s, deadline_s, task_s, overhead_s, overhead_left_s = 600.0, 187200.0, 172800.0, 180.0, 0.0
    spot_usd_per_h, on_demand_usd_per_h, region = (0.9731,), 3.06, 0

    def __init__(self, tick: int, rng: random.Random) -> None:
        self.tick, self.elapsed_s = tick, tick * 600.0
        self.done_s = self.elapsed_s * rng.uniform(0.5, 1.0)
        self.running = rng.choice(("SPOT", "ON_DEMAND", "NONE"))
        self.spot_available = [rng.random() < 0.5]


def runs_as_policy(source: str) -> bool:
    names: dict[str, type] = {}
    rng = random.Random(1)
    try:
        exec(source, names)
        policy = names["Policy"](Facts(0, rng))
        answers = {policy.decide(Facts(tick, rng)) for tick in range(0, 300, 7)}  # type: ignore[attr-defined]
    except Exception:
        return False
    return answers <= {"SPOT", "ON_DEMAND", "NONE"}


def test_seven_of_ten_children_of_the_spot_seed_run_and_answer_with_actions() -> None:
    children = [propose(SPOT, ("Policy",), f"runs/{step}", SPOT).source for step in range(150)]
    assert all(child is not None for child in children)
    assert sum(runs_as_policy(child) for child in children if child) > 0.7 * len(children)


def test_six_of_ten_in_a_row_of_mutations_still_run() -> None:
    programs = chain(SPOT, ("Policy",), 6, "row")
    for number in range(20):
        programs += chain(SPOT, ("Policy",), 6, f"row/{number}")[1:4]
    assert sum(map(runs_as_policy, programs)) > 0.6 * len(programs)


def test_most_children_of_the_numpy_seed_run_and_keep_the_shape() -> None:
    numpy = pytest.importorskip("numpy")
    weight = numpy.random.default_rng(0).integers(1, 1000, (3, 16)).astype(float)
    good = 0
    for step in range(100):
        child = propose(EPLB, ("rebalance",), f"numpy/{step}").source
        assert child is not None
        names: dict[str, object] = {}
        try:
            with numpy.errstate(all="ignore"):
                exec(child, names)
                good += numpy.shape(names["rebalance"](weight.copy(), 20, 4, 2, 4)) == (3, 20)  # type: ignore[operator]
        except Exception:
            continue
    assert good > 70


def test_every_operator_finds_its_place_in_the_spot_seed() -> None:
    other = chain(SPOT, ("Policy",), 3, "other")[-1]
    kinds = Counter(
        kind for step in range(400) for kind in propose(SPOT, ("Policy",), f"kinds/{step}", other).kind.split("+")
    )
    assert set(kinds) == set(WEIGHTS)


def test_sameness_says_what_the_fingerprints_say() -> None:
    programs = [*chain(SPOT, ("Policy",), 15, "same"), SPOT + "\n# more\n", SPOT.replace('"""Take', '"""Give')]
    programs += ["x = 0.0", "x = -0.0", "x = 0", "x = False", "x = 1", '"a"\nx = 1', "def f():\n 'a'", "def f(): pass"]
    known = [(parse(program), fingerprint(program)) for program in programs]
    for one, fingerprint_of_one in known:
        for two, fingerprint_of_two in known:
            assert same(one, two) == (fingerprint_of_one == fingerprint_of_two)


@pytest.mark.slow
def test_half_of_the_proposals_for_elites_of_over_fifty_lines_take_two_milliseconds() -> None:
    walked = [program for number in range(4) for program in chain(SPOT, ("Policy",), 60, f"cost/{number}")]
    elites = [program for program in walked if 50 <= len(program.splitlines()) <= 70][:8]
    assert len(elites) == 8
    times = []
    for step in range(400):
        start = time.process_time()
        propose(elites[step % 8], ("Policy",), f"cost/{step}", elites[(step + 1) % 8])
        times.append(time.process_time() - start)
    assert sorted(times)[len(times) // 2] <= 0.002
