"""Build SVG in which nothing that was read from a cluster can become markup."""

from collections.abc import Iterable

from markupsafe import Markup

Child = str | Markup | Iterable["Child"] | None
Value = str | float | None


def element(tag: str, *children: Child, **attributes: Value) -> Markup:
    """Return an element; a trailing underscore is dropped from attribute names, others become dashes.

    Attributes that are None are left out.
    """
    shown = joined(*(_attribute(name, value) for name, value in attributes.items() if value is not None))
    inner = joined(*children)
    return Markup(f"<{tag}{shown}>{inner}</{tag}>" if inner else f"<{tag}{shown}/>")  # noqa: S704 - escaped


def joined(*children: Child) -> Markup:
    """Return children one after another, without an element around them."""
    return Markup().join(_texts(children))


def _texts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, str):
            yield child
        elif child is not None:
            yield from _texts(child)


def _attribute(name: str, value: Value) -> Markup:
    return Markup(' {}="{}"').format(Markup(name.rstrip("_").replace("_", "-")), value)  # noqa: S704 - ours
