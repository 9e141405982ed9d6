"""Build HTML and SVG in which nothing that was read from a cluster can become markup."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "link", "br", "hr", "rect", "line", "path", "circle", "polygon"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | Markup | Iterable["Child"] | None
Value = str | int | float | bool | None


def element(tag: str, *children: Child, **attributes: Value) -> Markup:
    """Return an element; a trailing underscore is dropped from attribute names, others become dashes.

    Attributes that are None or False are left out; those that are True stand without a value.
    """
    shown = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID and not children:
        return Markup(f"<{tag}{shown}>" if tag in {"meta", "link", "br", "hr"} else f"<{tag}{shown}/>")
    return Markup(f"<{tag}{shown}>{_inner(children)}</{tag}>")


def joined(*children: Child) -> Markup:
    """Return children one after another, without an element around them."""
    return Markup(_inner(children))


def _inner(children: Iterable[Child]) -> str:
    return "".join(_text(child) for child in children)


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child)
    return _inner(child)


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    spelled = name.rstrip("_").replace("_", "-")
    return f" {spelled}" if value is True else f' {spelled}="{escape(str(value))}"'
