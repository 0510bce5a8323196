"""The server that the tests of the archive share."""

from postgres_server import postgres

__all__ = ["postgres"]
