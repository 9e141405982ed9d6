"""Say how good or bad a state is, so that it can be drawn; the word itself is always shown too."""

GOOD = frozenset({"Ready", "Running", "Active", "Bound", "Present", "Established", "Complete", "Succeeded"})
BAD_PARTS = ("Err", "BackOff", "Fail", "Unschedulable", "Invalid", "Lost", "OOM", "Crash")
GOING = frozenset({"Deleting", "Terminating", "gone"})
WARNING = frozenset({"Warning", "Unknown"})


def tone_of(word: str) -> str:
    """Return ``good``, ``bad``, ``warn``, ``going`` or ``busy`` for what is on its way."""
    if word in GOOD:
        return "good"
    if any(part in word for part in BAD_PARTS):
        return "bad"
    if word in GOING:
        return "going"
    return "warn" if word in WARNING else "busy"
