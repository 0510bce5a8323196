"""What the spot domains share: the real availability traces, and the model fitted to them. No domain of its own."""
