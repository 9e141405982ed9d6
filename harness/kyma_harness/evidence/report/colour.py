"""Say how good or bad a state is, so that it can be drawn; the word itself is always shown too."""

GOOD = frozenset({"Ready", "Active", "Bound", "Established", "Complete", "Succeeded"})
THERE = frozenset({"Present", "Scaled to 0"})
"""Words that say neither good nor bad."""
BAD_PARTS = ("Err", "BackOff", "Fail", "Unschedulable", "Invalid", "Lost", "OOM", "Crash")
GOING = frozenset({"Deleting", "Terminating", "gone"})
WARNING = frozenset({"Warning", "Unknown"})


def tone_of(word: str) -> str:
    """Return ``good``, ``bad``, ``warn``, ``going``, ``step`` for no opinion, else ``busy``: on its way."""
    if word in GOOD:
        return "good"
    if any(part in word for part in BAD_PARTS):
        return "bad"
    neutral = {
        **dict.fromkeys(THERE, "step"),
        **dict.fromkeys(GOING, "going"),
        **dict.fromkeys(WARNING, "warn"),
    }
    return neutral.get(word, "busy")
