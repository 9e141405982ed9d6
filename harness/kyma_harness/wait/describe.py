"""Put an object's present state into a few lines that a person can act on."""

from kubeloop.resource import Object


def describe(seen: Object | None) -> str:
    """Return the state, the conditions and what holds the object, one a line; says so where there is none."""
    if seen is None:
        return "  last seen: no such object"
    metadata, status = seen["metadata"], seen.get("status", {})
    lines = [f"  last seen: generation {metadata.get('generation', '-')}, state {status.get('state', '-')}"]
    if "deletionTimestamp" in metadata:
        held = ", ".join(metadata.get("finalizers", [])) or "nothing"
        lines.append(f"  being deleted since {metadata['deletionTimestamp']}, held by {held}")
    lines += [_condition(condition) for condition in status.get("conditions", [])]
    return "\n".join(lines)


def _condition(condition: Object) -> str:
    name = f"{condition.get('type')}={condition.get('status')}"
    return f"  {name} {condition.get('reason', '')}: {condition.get('message', '')}"
