"""Views for people with sqlite3 or pandas: the tables joined as one asks for them, deflated texts readable.

`schema.md` beside this file describes tables and views. The views inflate by `sqlar_uncompress`, which the sqlite3
command has built in; in Python one line gives it to a connection (also in `schema.md`).
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from evolve.archive.packing import MOST_BYTES, MOST_SOURCE_BYTES

VIEWS = {
    "readable_programs": f"""
        SELECT id, role, name, parent_id, kind, status, score, cpu_s, failure, idea,
               datetime(created, 'unixepoch') AS created_utc, metrics,
               CAST(sqlar_uncompress(source, {MOST_SOURCE_BYTES}) AS TEXT) AS source
        FROM programs""",
    "readable_steps": """
        SELECT s.step, s.parent_id, s.mutator, coalesce(nullif(p.kind, ''), s.kind) AS kind, s.state, s.fate,
               p.status, p.score, coalesce(nullif(p.failure, ''), s.note) AS why, s.reason AS why_this_parent,
               c.model, c.prompt_tokens, c.completion_tokens, c.cost_usd, c.latency_s
        FROM selections s
        LEFT JOIN programs p ON p.id = s.step
        LEFT JOIN model_calls c ON c.step = s.step""",
    "readable_answers": f"""
        SELECT step, model, kind, status, error, prompt_tokens, completion_tokens, cost_usd, latency_s,
               CAST(sqlar_uncompress(answer, {MOST_BYTES}) AS TEXT) AS answer
        FROM model_calls""",
    "readable_scores": """
        SELECT p.id AS program_id, p.role, p.name, e.split, e.instance_id, e.status, e.score, e.metrics, e.feedback,
               e.cpu_s, e.wall_s, e.peak_rss_bytes
        FROM evaluations e JOIN programs p ON p.id = e.program_id""",
    "readable_events": """
        SELECT seq, datetime(time, 'unixepoch') AS time_utc, step, kind FROM events""",
}
"""Name -> the query of a view."""


INFLATED = re.compile(r",\s*CAST\(sqlar_uncompress.*")
"""PostgreSQL has no function that inflates: there the views have no such columns."""


def create_views(connection: Connection) -> None:
    """Make the views, where they are not there yet."""
    for name, query in VIEWS.items():
        if connection.dialect.name == "postgresql":
            query = INFLATED.sub("", query).replace("datetime(", "to_timestamp(").replace(", 'unixepoch'", "")
            connection.execute(text(f"CREATE OR REPLACE VIEW {name} AS {query}"))
        else:
            connection.execute(text(f"CREATE VIEW IF NOT EXISTS {name} AS {query}"))
