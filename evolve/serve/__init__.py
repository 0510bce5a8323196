"""Runs in the browser while they grow: `evolve serve`. Read-only but for answers of a person to `--model manual`."""
