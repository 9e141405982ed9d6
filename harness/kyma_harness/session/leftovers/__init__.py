"""What runs of the harness have left behind that nobody owns any more, and its removal."""
