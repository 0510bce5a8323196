"""What every problem keeps to: a test class to inherit from, and the same claims for `evolve check`.

    from evolve.registry import load_problem
    from evolve.testing import EvaluatorClaims

    class TestMine(EvaluatorClaims):
        @pytest.fixture
        def problem(self):
            return load_problem("./my_problem")

That is all; pytest itself is not imported here. A claim that a problem gives no occasion for is skipped.
"""

from evolve.search.claims import StrategyClaims  # for authors of strategies
from evolve.testing.checking import Checked, Verdict, check
from evolve.testing.claims import EvaluatorClaims
from evolve.testing.programs import answering, scored

__all__ = ["Checked", "EvaluatorClaims", "StrategyClaims", "Verdict", "answering", "check", "scored"]
