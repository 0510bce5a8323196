"""What a run has done, in a database that can be killed at any moment and continued.

A run is one sequence of events: table `events(seq, time, step, kind)`. An event is committed before anything that
depends on it happens. Its facts lie in the row that the same transaction writes: a choice in `selections`, a question
and its answer in `model_calls`, a program in `programs`, its result on an instance in `evaluations`. These rows are
what people query; each of them says what the events have made true so far.

A step goes through these states, and the store refuses every other move (`events.MOVES`):

    CHOSEN ----> BORN ----> SCORED      the built-in mutator made a program; it was evaluated on train
    CHOSEN ----> DROPPED                it made none that is new
    CHOSEN ----> ASKED                  the prompt is about to be sent
    ASKED -----> ANSWERED               the answer is there, nobody has read it yet
    ASKED -----> FAILED                 there will be no answer
    ANSWERED --> BORN ----> SCORED      the answer holds a new program
    ANSWERED --> DROPPED                it holds none: a duplicate, unreadable, or an insight

SCORED, FAILED and DROPPED are the ends. MEASURED, between BORN and SCORED, says that results on instances were
committed. The seed (step 0) and the baselines (-1, -2, ...) begin at BORN.

The search does not learn of an end by itself: the event KNOWN makes it known. Its state is a fold over CHOSEN and
KNOWN in the order of the sequence (`Reader.history`), and a choice records the last event that it knew of. Who
continues a run folds its events. Who replays one makes the same ends known before the same choices, and compares
children in the same order. When an end becomes known is a rule (`evolve.loop.pacing`): at once, or in the order of the
steps.

CHANGED: from here on the problem or a version is another one. STOPPED: a session ended; the row of `runs` says how.

The database is an SQLite file in the run folder, or a schema of a PostgreSQL database (`database.py`), for which a file
of the run folder stands. There several drivers may work on one run (`drivers.py`); the table of moves is the same.

The words of this package and of the search:

    step        one attempt to make a new program, numbered 1, 2, ...; its child has the same number
    selection   the choice of a step: parent, who changes it (a model or "builtin"), kind of change
    trial       how a step ended, as the search learns of it (`evolve.trial`)
    known       the search has learnt of an end: what it chooses from then on may depend on it
    place       where a strategy keeps a program (an island, a cell); text that only the strategy reads
    train, validation, test   the search learns from train alone; validation picks the winner, test measures it
"""

from evolve.archive.committing import Stage
from evolve.archive.damage import damage_of
from evolve.archive.database import is_run, point_to, url_of
from evolve.archive.difference import Difference, differences
from evolve.archive.events import Event, EventKind
from evolve.archive.postgres import run_names
from evolve.archive.records import (
    CallStatus,
    CallTotals,
    Improvement,
    ModelCall,
    Program,
    Role,
    RunStatus,
    Share,
    SplitFigures,
    Summary,
)
from evolve.archive.store import Store
from evolve.archive.tape import Tape, read_tape, tape_of, to_lines
from evolve.trial import Fate, Selection, State, Trial

__all__ = [
    "CallStatus",
    "CallTotals",
    "Difference",
    "Event",
    "EventKind",
    "Fate",
    "Improvement",
    "ModelCall",
    "Program",
    "Role",
    "RunStatus",
    "Selection",
    "Share",
    "SplitFigures",
    "Stage",
    "State",
    "Store",
    "Summary",
    "Tape",
    "Trial",
    "damage_of",
    "differences",
    "is_run",
    "point_to",
    "read_tape",
    "run_names",
    "tape_of",
    "to_lines",
    "url_of",
]
