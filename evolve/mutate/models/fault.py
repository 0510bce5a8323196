"""What goes wrong with one request of a call, and what it means for the next one."""

from __future__ import annotations

import html
import json
import re
import time
from email.utils import parsedate_to_datetime

from evolve.errors import UsageError

LASTING_S = 60.0
"""A server that asks to be left alone for longer than the call may take, and longer than this, is not waited for."""
EQUAL_REFUSALS = 3
"""So many calls in a row, refused in the same words, end a model: its server will say the same again."""
EQUAL_FAULTS = 8
"""The same for faults that might pass, each call of which has tried several times."""
CUT_ANSWERS = 16
"""The same for answers that are cut: of a model that is often too long for its limit, a few follow each other."""
SILENT_CALLS = 16
"""The same for a server that has never answered and says nothing."""
LASTING_FAULT_S = 120.0
"""A server that says for so long that it is out of order stays so; one that says that it is starting does not."""
FAILURES = 40
"""So many calls that fail one after the other end a model whatever the words."""
RETRIED = frozenset({408, 409, 425, 429})
"""The 4xx that pass by themselves; every 5xx is retried too."""


class ModelGone(UsageError):
    """A model cannot be asked any more until a person puts something right. Other models of the run go on."""


class Fault(Exception):
    """One request failed and the call may go on.

    reason: in one line.  status: the HTTP status, 0 where there is none.  retry: whether the same request may succeed.
    retry_after_s: how long the server asks to be left alone.
    billed: the request arrived and its answer did not, so the server may bill what it had written by then.
    parameter: what of the request a status of 400 blames, as the server names it.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int = 0,
        retry: bool = True,
        retry_after_s: float = 0.0,
        billed: bool = False,
        parameter: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason, self.status, self.retry = reason, status, retry
        self.retry_after_s, self.billed, self.parameter = retry_after_s, billed, parameter

    @property
    def lasts(self) -> bool:
        """Whether the server says that the same request will not succeed, or not for a long time."""
        refused = 400 <= self.status < 500 and self.status not in RETRIED
        return refused or self.retry_after_s > LASTING_S

    @property
    def may_last(self) -> bool:
        """Whether the server is out of order, and does not say that it is starting."""
        return self.status >= 500 and _STARTING.search(self.reason) is None

    @property
    def server_works(self) -> bool:
        """Whether the server is there and able to answer, if only to say no, or with something that is no answer."""
        return 200 <= self.status < 500


_STARTING = re.compile(
    r"loading|starting|warming|initiali[sz]|\b50[234]: *(?:$|bad gateway|gateway|service)", re.IGNORECASE
)
"""What a server says that is not ready yet, and what stands before it says of one that is restarted."""


def cure_of(words: str) -> str:
    """Return what a person can do about a server's words, in a sentence."""
    if re.search(r"context (?:length|size|window)|context the overflows|too many tokens", words, re.IGNORECASE):
        return "Give the server a longer context, or begin a run with a lower prompt.budget_tokens."
    return "Put that right, then resume the run."


class EqualFailures:
    """Counts the calls that have failed one after the other, in the same words but for figures.

    verdict: what is to be told when there have been so many that no other will do better; empty until then.
    """

    def __init__(self) -> None:
        self._words, self._count, self._all = "", 0, 0
        self._answered = False
        self._outage = ("", 0.0, 0)
        """Words of the requests that failed one after the other, since when, how many."""
        self.verdict = ""

    def add(self, fault: Fault | None, deed: str = "", most: int | None = None) -> None:
        """Count a call. fault: what was the matter with its last request; None when the server said nothing at all.

        deed: what the server has done to so many calls, with a place for their number; "": failed or refused them.
        most: so many equal ones are enough; None: as many as is usual for the fault.

        A server that has answered before may be silent for as long as it likes: that costs its calls their time.
        """
        if self.verdict or (fault is None and self._answered):
            return
        self._all += 1
        words = "" if fault is None else re.sub(r"[0-9a-f]{6,}|\d+", "#", fault.reason)
        self._words, self._count = words, self._count + 1 if words == self._words else 1
        if fault is None:
            usual, said, deed = SILENT_CALLS, "not a word in all their time", "has not answered {} calls in a row"
        else:
            usual, said = EQUAL_REFUSALS if fault.lasts else EQUAL_FAULTS, fault.reason
            deed = deed or f"has {'refused' if fault.lasts else 'failed'} {{}} calls in a row in the same words"
        if self._count >= (most or usual):
            later = (
                f", and asks to be left alone for {fault.retry_after_s:.0f} s" if fault and fault.retry_after_s else ""
            )
            self.verdict = f"{deed.format(self._count)} ({said}){later}"
        elif self._all >= FAILURES:
            self.verdict = f"has given nothing of use in {self._all} calls in a row, at last: {said}"

    def outage(self, fault: Fault, at_s: float) -> None:
        """Take note of a request that failed at a time: a server out of order is not waited for call after call."""
        words = re.sub(r"[0-9a-f]{6,}|\d+", "#", fault.reason)
        if not fault.may_last:
            words = ""
        if not words or words != self._outage[0]:
            self._outage = (words, at_s, 0)
        since_s, count = self._outage[1], self._outage[2] + 1
        self._outage = (words, since_s, count)
        if words and not self.verdict and count >= EQUAL_FAULTS and at_s - since_s >= LASTING_FAULT_S:
            lasting = f"for {at_s - since_s:.0f} s in the same words"
            self.verdict = f"has failed every request {lasting}, {count} of them ({fault.reason})"

    def end(self) -> None:
        """A call was answered."""
        self._words, self._count, self._all, self._answered = "", 0, 0, True
        self._outage = ("", 0.0, 0)


def retry_after_s(header: str | None, date: str | None = None) -> float:
    """Return the seconds that a Retry-After header asks for (a number or a date); 0 without one.

    date: the Date header of the same answer. A date counts from there: this machine's clock may be set otherwise.
    """
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        until, now = _seconds_of(header), _seconds_of(date or "")
        if until is None:
            return 0.0
        seconds = until - (time.time() if now is None else now)
    return seconds if 0.0 < seconds < float("inf") else 0.0


def _seconds_of(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


WORDS = 200
"""Characters that are kept of what a server says."""
_TOLD_IN = ("error", "message", "detail", "msg", "error_message", "error_description", "errors", "title", "reason")


def words_of(body: object) -> str:
    """Return what a server says in the body of a refusal, of whatever shape, in one line of at most 200 characters.

    body: what the JSON holds, or the text where it is none: a sentence, or a page of HTML. Empty when it says nothing.
    """
    if isinstance(body, str):
        text = _text_of_page(body) if re.match(r"\s*<", body) else body
        line = " ".join(text.split())
        return line if len(line) <= WORDS else line[:WORDS] + " ..."
    if isinstance(body, dict):
        for key in _TOLD_IN:
            if body.get(key) and (told := words_of(body[key])):
                where = body.get("loc")
                return f"{'.'.join(map(str, where))}: {told}" if isinstance(where, list) else told
    if isinstance(body, list) and body:
        return words_of(body[0])
    return words_of(json.dumps(body)) if body else ""


def _text_of_page(page: str) -> str:
    """Return what a reader would see of a page of HTML. Looks at its beginning alone."""
    shown = re.sub(r"<(script|style)\b[^<]*(?:<(?!/\1)[^<]*)*", " ", page[:20_000], flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^<>]*>", " ", shown))
