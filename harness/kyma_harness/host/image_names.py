"""Name images in full, as container runtimes do: registry, `library/` and tag are Docker's by default."""


def full_name(reference: str) -> str:
    """Spell out the registry and the folder of a reference."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def canonical(reference: str) -> str:
    """Spell out the tag as well, where there is neither one nor a digest."""
    name, at, digest = full_name(reference).partition("@")
    tagged = ":" in name.rpartition("/")[2]
    return f"{name}{'' if tagged or at else ':latest'}{at}{digest}"
