"""Keep what a failure has to show, and draw the report of a session."""
