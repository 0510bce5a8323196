"""evolve mcp."""

from __future__ import annotations

import click


@click.command("mcp", short_help="Serve agents over MCP (extra: mcp).")
def mcp() -> None:
    """Serve list, score, run, show and best as tools of the Model Context Protocol, over stdin and stdout.

    An agent's configuration names the command `evolve` with the argument `mcp`. Runs go into runs/ of the folder that
    it is started in. Needs pip install 'evolve[mcp]'.
    """
    from evolve.mcp_server import serve

    serve()
