"""Schema 2 in PostgreSQL: the tables of a new run. An SQLite file of this schema has them from `evolve.archive.models`.

Revision ID: 2
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from evolve.archive.views import create_views

revision = "2"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "counts",
        text("name", key=True),
        real("value"),
    )
    op.create_table(
        "events",
        whole("seq", key=True),
        real("time"),
        whole("step"),
        text("kind"),
    )
    op.create_table(
        "programs",
        whole("id", key=True),
        *texts("role", "name"),
        whole("parent_id", of="programs.id", empty=True),
        *texts("place", "kind", "fingerprint"),
        text("status", empty=True),
        real("score", empty=True),
        *texts("scores", "metrics"),
        *wholes("chars", "tokens"),
        real("cpu_s"),
        text("failure"),
        real("created"),
        text("idea"),
        whole("nearest_id", empty=True),
        real("likeness", empty=True),
        packed("signature", empty=True),
        packed("source"),
    )
    op.create_table(
        "runs",
        whole("id", key=True),
        whole("schema_version"),
        *texts("evaluator", "config", "identity", "status", "reason"),
        *wholes("seed", "pid"),
        whole("winner_id", empty=True),
        *reals("active_s", "started"),
        real("ended", empty=True),
        packed("prompt_dictionary", empty=True),
    )
    op.create_table(
        "evaluations",
        whole("program_id", key=True, of="programs.id"),
        text("split", key=True),
        whole("position", key=True),
        *texts("instance_id", "status"),
        real("score", empty=True),
        *texts("metrics", "feedback", "failure"),
        *reals("cpu_s", "import_cpu_s", "wall_s"),
        whole("peak_rss_bytes"),
        text("output"),
    )
    op.create_table(
        "selections",
        whole("step", key=True),
        whole("parent_id", of="programs.id"),
        *texts("inspirations", "place", "reason", "mutator", "kind"),
        real("novelty", empty=True),
        whole("bar_id", of="programs.id", empty=True),
        whole("known"),
        text("state"),
        text("fate", empty=True),
        text("note"),
    )
    op.create_table(
        "split_figures",
        whole("program_id", key=True, of="programs.id"),
        text("split", key=True),
        text("status"),
        real("score", empty=True),
        text("metrics"),
    )
    op.create_table(
        "insights",
        whole("step", key=True, of="selections.step"),
        *texts("line", "detail"),
    )
    op.create_table(
        "model_calls",
        whole("step", key=True, of="selections.step"),
        *texts("model", "kind", "digest", "status", "error"),
        *wholes("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "wasted_tokens"),
        truth("tokens_estimated"),
        real("cost_usd", empty=True),
        real("latency_s"),
        whole("attempts"),
        packed("prompt"),
        packed("answer", empty=True),
    )
    op.create_table(
        "claims",
        whole("step", key=True),
        whole("driver"),
    )
    op.create_table(
        "drivers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        text("host"),
        whole("pid"),
        *reals("began", "seen"),
        real("ended", empty=True),
    )
    op.create_index("ix_programs_parent_id", "programs", ["parent_id"])
    op.create_index("programs_by_score", "programs", [sa.text("score DESC"), "id"])
    op.create_index("ix_selections_fate", "selections", ["fate"])
    create_views(op.get_bind())


def column(name: str, kind: Any, key: bool = False, of: str = "", empty: bool = False) -> sa.Column[Any]:
    """Return a column. key: of the table's key.  of: what it refers to.  empty: it may be NULL."""
    refers = [sa.ForeignKey(of)] if of else []
    return sa.Column(name, kind, *refers, primary_key=key, nullable=empty, autoincrement=False)


def whole(name: str, **more: Any) -> sa.Column[Any]:
    """Return a column of integers."""
    return column(name, sa.BigInteger(), **more)


def text(name: str, **more: Any) -> sa.Column[Any]:
    """Return a column of texts, or of JSON."""
    return column(name, sa.String(), **more)


def real(name: str, **more: Any) -> sa.Column[Any]:
    """Return a column of numbers."""
    return column(name, sa.Double(), **more)


def packed(name: str, **more: Any) -> sa.Column[Any]:
    """Return a column of bytes."""
    return column(name, sa.LargeBinary(), **more)


def truth(name: str) -> sa.Column[Any]:
    """Return a column of yes or no."""
    return column(name, sa.Boolean())


def wholes(*names: str) -> list[sa.Column[Any]]:
    """Return columns of integers."""
    return [whole(name) for name in names]


def texts(*names: str) -> list[sa.Column[Any]]:
    """Return columns of texts, or of JSON."""
    return [text(name) for name in names]


def reals(*names: str) -> list[sa.Column[Any]]:
    """Return columns of numbers."""
    return [real(name) for name in names]
