"""How a store comes to write: as the only process that works on the run, or as one of several."""

from __future__ import annotations

from sqlalchemy import Connection


class Writing:
    """Of the only process. The run's lock says that there is no other, so there is nothing to settle.

    connection: what transactions are made on.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def enter(self, connection: Connection, together: bool = False) -> None:
        """Begin to work on the run, in an open transaction. together: with others, who may be at work already.

        Raises UsageError where others are and should not be.
        """

    def turn(self, connection: Connection, seq: int) -> int:
        """Begin a transaction that writes. Returns the last event. seq: the last that this process knows of."""
        return seq

    def claim(self, connection: Connection, step: int) -> None:
        """Make a step that is chosen now one's own."""

    def require_own(self, connection: Connection, step: int) -> None:
        """Raises UsageError where a step has been taken over by another process."""

    def take_over(self, connection: Connection) -> list[int]:
        """Make the open steps of dead processes one's own. Returns them."""
        return []

    def own_steps(self, connection: Connection) -> list[int]:
        """Return the open steps that are one's own."""
        return []

    def claim_stage(self, connection: Connection, stage: int) -> bool:
        """Make a stage of the run one's own; return False where it is another living process's."""
        return True

    def release_stage(self, connection: Connection, stage: int) -> None:
        """Have a stage be nobody's, so that others can look whether it is done."""

    def is_last(self, connection: Connection) -> bool:
        """Return whether no other process works on the run."""
        return True

    def close(self) -> None:
        """End the work."""
