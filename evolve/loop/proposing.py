"""From a selection to a proposal: the built-in mutator, or a model that is asked and answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from evolve.archive import CallStatus, ModelCall, Program, Role
from evolve.evaluator import Split
from evolve.foreign import kinds_of
from evolve.loop.budget import Cost
from evolve.loop.desk import Unread
from evolve.loop.running import Run
from evolve.mutate.models.providers import Several
from evolve.mutate.mutation import TUNE, Example, Kind, Proposal, Request
from evolve.search import Background
from evolve.trial import Fate, Selection

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.novelty.likeness import Signature
    from evolve.mutate.prompts.scale import Scale
    from evolve.mutate.reading import Read


Found: TypeAlias = "Read | tuple[str, str]"
"""What an answer comes to: a child, or why there is none; of an insight its line and detail."""


class NoChild(Exception):
    """A step gives no child to evaluate. note: why, in one line.  detail: of an insight, whose line is the note."""

    def __init__(self, fate: Fate, note: str, detail: str = "") -> None:
        super().__init__(fate, note, detail)
        self.fate, self.note, self.detail = fate, note, detail


class Proposer:
    """Gets each step's proposal. All chance is the step's own.

    baselines: for the prompts, which show those that have a score on train, best first.
    """

    def __init__(self, run: Run, baselines: Sequence[Program]) -> None:
        self._run, self._config, self._problem = run, run.config, run.problem
        self._store, self._population, self._desk = run.store, run.population, run.desk
        shown = [(-one.score, one.name, one.id) for one in baselines if one.score is not None]
        self._baselines = tuple((name, self._population.example(id)) for _, name, id in sorted(shown))
        config, evaluator = run.config, run.problem.evaluator
        train = run.problem.instances(Split.TRAIN)
        self._instances = [instance.id for instance in train]
        self._kinds = kinds_of(evaluator, train) if config.asks_models else {}
        self._scale: Scale | None = None
        self._compares = config.mutation.novelty and config.asks_models

    def question(self, selection: Selection, background: Background) -> ModelCall:
        """Return the call that a step makes, not sent yet."""
        from evolve.mutate.prompts.prompt import build_prompt
        from evolve.mutate.prompts.scale import scale_of

        names, evaluator = self._instances, self._problem.evaluator
        known = vars(background) | {
            "leaders": {name: one for name, one in zip(names, background.leaders, strict=False) if one},
            "measured": {
                id: {name: score for name, score in zip(names, scores, strict=False) if score is not None}
                for id, scores in background.measured.items()
            },
        }
        request = replace(
            self._request(selection),
            kind=Kind(selection.kind),
            baselines=self._baselines,
            cpu_limit_s=evaluator.limits.cpu_s,
            cpu_counts="score" in evaluator.timed_metrics,
            kinds=self._kinds,
            show=selection.show,
            **known,
        )
        if selection.kind == Kind.INSIGHT:
            request = replace(request, subjects=self._subjects(selection), inspirations=())
        elif selection.kind == Kind.REPAIR:
            sound = request.inspirations
            request = replace(request, subjects=tuple((one, request.parent) for one in sound), inspirations=())
        if self._scale is None:
            self._scale = scale_of([self._population.example(0), *(example for _, example in self._baselines)])
        prompt = build_prompt(request, self._config.prompt.budget_tokens, self._run.templates, self._scale)
        return ModelCall(
            step=selection.step,
            model=selection.mutator,
            kind=selection.kind,
            digest=prompt.digest(selection.mutator),
            system=prompt.system,
            prompt=prompt.user,
            status=CallStatus.SENT,
        )

    def worst_case(self, call: ModelCall) -> Cost:
        """Return what one attempt at a call may cost at most."""
        from evolve.mutate.prompts.prompt import Prompt

        tokens, cost_usd = self._run.clients[call.model].worst_case(Prompt(call.system, call.prompt, Kind(call.kind)))
        return Cost(1, tokens, cost_usd or 0.0)

    def takes_several(self, call: ModelCall) -> bool:
        """Return whether one request may bring several answers, as far as is known."""
        client = self._run.clients[call.model]
        return isinstance(client, Several) and client.most_answers > 1

    async def ask(self, calls: Sequence[ModelCall]) -> list[ModelCall]:
        """Send calls that ask the same, and return the first of them with their answers.

        All of them, unless the server gives fewer answers to one request.
        """
        from evolve.mutate.prompts.prompt import Prompt

        call, client = calls[0], self._run.clients[calls[0].model]
        prompt = Prompt(call.system, call.prompt, Kind(call.kind))
        if len(calls) > 1 and isinstance(client, Several):
            answers = await client.complete_several(prompt, [call.step for call in calls])
        else:
            answers = [await client.complete(prompt, call.step)]
        return [_ended(call, answer) for call, answer in zip(calls, answers, strict=False)]

    async def without_answer(self, call: ModelCall) -> NoChild:
        """Return how a step ends whose call failed: a rule writes an insight where a model gave none."""
        selection = self._store.selection(call.step) if call.kind == Kind.INSIGHT else None
        found = None if selection is None else await self.read(selection, None)
        return NoChild(Fate.INSIGHT, *found) if isinstance(found, tuple) else NoChild(Fate.CALL_ERROR, call.error)

    async def prepare(self) -> None:
        """Compile the prompts' templates, and learn what the programs are made of that new ones are compared with."""
        if self._config.asks_models:
            from evolve.mutate.prompts.templates import compile_all

            await asyncio.to_thread(compile_all, self._run.templates)
        from evolve.mutate.reading import Sign

        async def sign(source: str) -> Signature:
            return await self._desk.do(Sign(source, self._problem.language))

        await self._population.load(sign if self._compares else None)

    async def read(self, selection: Selection, call: ModelCall | None, values: tuple[float, ...] = ()) -> Found:
        """Return what a step's answer comes to, which depends on the parent and on no other program.

        call: answered; None for the built-in mutator, and an insight by rule.  values: of the numbers that are set.
        """
        from evolve.mutate.reading import Mutate, Read, ReadAnswer, Tune, WriteInsight

        try:
            if selection.kind == Kind.INSIGHT:
                answer = None if call is None else call.answer
                return await self._desk.do(WriteInsight(answer, self._subjects(selection)))
            parent = self._population.example(selection.parent_id).source
            if selection.kind == TUNE:
                return await self._desk.do(Tune(parent, values, self._compares))
            if call is None:
                return await self._desk.do(
                    Mutate(self._request(selection), self._compares, self._config.mutation.mutator)
                )
            if call.error:  # an answer without text, or a refusal
                return Read(Proposal(call.kind, None, call.error))
            defines, language = self._problem.evaluator.defines, self._problem.language
            return await self._desk.do(ReadAnswer(parent, call.answer, call.kind, defines, self._compares, language))
        except Unread as error:
            if selection.kind == Kind.INSIGHT:
                return "", ""
            return Read(Proposal(selection.kind if call is None else call.kind, None, str(error)))

    def child(self, selection: Selection, call: ModelCall | None, found: Found) -> tuple[Program, Signature | None]:
        """Return what a step proposes, and what it is made of where likeness is looked for.

        found: what `read` has found in the step's answer.
        Raises NoChild when the answer cannot be used, the child is a program that is there already or too like one, and
        when the step was to write an insight down.
        """
        if isinstance(found, tuple):
            raise NoChild(Fate.INSIGHT, *found)
        proposal = found.proposal
        if proposal.source is None:
            raise NoChild(Fate.NO_CHANGE if proposal.is_declined else Fate.PARSE_ERROR, proposal.error)
        same = self._population.same_as(found.fingerprint)
        if same is not None:
            raise NoChild(Fate.DUPLICATE, f"the same program as {same}")
        signature = found.signature
        nearest = None if call is None or signature is None else self._population.nearest(signature)
        if nearest is not None and selection.novelty is not None and nearest[1] >= selection.novelty:
            note = f"{100 * nearest[1]:.1f} % like program {nearest[0]}; programs that like score the same"
            raise NoChild(Fate.NEAR_DUPLICATE, note)
        program = Program(
            id=selection.step,
            role=Role.CHILD,
            parent_id=selection.parent_id,
            place=selection.place,
            kind=proposal.kind,
            fingerprint=found.fingerprint,
            source=proposal.source,
            created=time.time(),
            chars=len(proposal.source),
            tokens=found.tokens,
            idea=proposal.idea,
            nearest_id=nearest[0] if nearest else None,
            likeness=nearest[1] if nearest else None,
        )
        return program, signature

    def _subjects(self, selection: Selection) -> tuple[tuple[Example, Example], ...]:
        """Return the improvements that an insight is about, each with its parent."""
        pairs = []
        for id in selection.inspirations:
            program = self._store.program(id)
            if program is not None and program.parent_id is not None:
                pairs.append((self._population.example(program.parent_id), self._population.example(id)))
        return tuple(pairs)

    def _request(self, selection: Selection) -> Request:
        evaluator = self._problem.evaluator
        return Request(
            step=selection.step,
            evaluator=evaluator.name,
            statement=self._problem.statement,
            defines=evaluator.defines,
            language=self._problem.language.name,
            score_means=evaluator.score_means,
            parent=self._population.example(selection.parent_id),
            inspirations=tuple(self._population.example(i) for i in selection.inspirations),
            rng=random.Random(f"{self._config.seed}/mutate/{selection.step}"),
        )


def _ended(call: ModelCall, answer: Answer) -> ModelCall:
    from evolve.mutate.answers.answer import shortened, too_long
    from evolve.mutate.models.answer import AnswerStatus

    failed = answer.status in (AnswerStatus.ERROR, AnswerStatus.TIMEOUT)
    return replace(
        call,
        status=CallStatus.FAILED if failed else CallStatus.ANSWERED,
        answer=shortened(answer.text),
        error=answer.error or too_long(answer.text),
        prompt_tokens=answer.tokens_in,
        cached_tokens=answer.tokens_cached,
        completion_tokens=answer.tokens_out,
        reasoning_tokens=answer.tokens_reasoning,
        wasted_tokens=answer.tokens_wasted,
        tokens_estimated=answer.tokens_estimated,
        cost_usd=answer.cost_usd,
        latency_s=answer.latency_s,
        attempts=answer.attempts,
    )
