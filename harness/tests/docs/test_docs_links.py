"""The documentation hangs together: nothing points nowhere, and no page is out of reach."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INDEX = ROOT / "docs" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def links_of(page):
    return [(page.parent / file if file else page, anchor) for file, anchor in LINK.findall(page.read_text())]


def anchors_of(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    links = links_of(page)

    dead = [str(target) for target, _ in links if not target.exists()]
    lost = [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor and target.suffix == ".md" and target.exists() and anchor not in anchors_of(target)
    ]
    assert dead == []
    assert lost == []


def test_the_index_leads_to_every_page():
    reached = {target.resolve() for target, _ in links_of(INDEX)}

    assert sorted(set(PAGES) - reached - {INDEX, *ROOT.glob("*.md")}) == []
