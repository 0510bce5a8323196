"""Every bundled problem keeps to what `evolve check` tests of a plug-in."""

from __future__ import annotations

import pytest

from evolve.registry import list_problems, load_problem
from evolve.testing import EvaluatorClaims


class TestBundled(EvaluatorClaims):
    @pytest.fixture(params=[listing.name for listing in list_problems()])
    def problem(self, request):
        return load_problem(request.param)
