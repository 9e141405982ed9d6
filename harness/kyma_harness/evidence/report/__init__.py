"""Draw one report of a session: a single file of HTML that needs no network."""
