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

    def close(self) -> None:
        """End the work."""
