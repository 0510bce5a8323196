"""What goes wrong with one request of a call, and what it means for the next one."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

RETRIED = frozenset({408, 409, 425, 429})
"""The 4xx that pass by themselves; every 5xx is retried too."""


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
    def server_works(self) -> bool:
        """Whether the server is there and able to answer, if only to say no."""
        return 400 <= self.status < 500


def retry_after_s(header: str | None) -> float:
    """Return the seconds that a Retry-After header asks for (a number or a date); 0 without one."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return seconds if 0.0 < seconds < float("inf") else 0.0
