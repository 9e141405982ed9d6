"""The report as a browser shows it: to the eye, to the keyboard, to a screen reader, and offline."""

import pytest
from browser import ENTER, TAB, new_page

from kyma_harness.evidence.report.page import page as draw
from kyma_harness.evidence.report.session import Outcome, Session

START = 1_669_882_000.0
CONTRASTS = """
(() => {
  const channel = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const rgba = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return {r, g, b, a}; };
  const light = ({r, g, b}) =>
    0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = one => {
    if (one.matches("text.word")) {
      const bar = one.parentElement.querySelector("rect");
      if (bar) return rgba(getComputedStyle(bar).fill);
    }
    for (; one; one = one.parentElement) {
      const found = rgba(getComputedStyle(one).backgroundColor);
      if (found.a === 1) return found;
    }
    return {r: 255, g: 255, b: 255, a: 1};
  };
  const shown = [...document.querySelectorAll("body *")].filter(one =>
    [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && one.getClientRects().length
    && !["SCRIPT", "title"].includes(one.nodeName));
  return shown.map(one => {
    const style = getComputedStyle(one), isText = one.localName === "text";
    const [a, b] = [light(rgba(isText ? style.fill : style.color)), light(behind(one))].sort((x, y) => y - x);
    return {text: one.textContent.trim().slice(0, 40), ratio: (a + 0.05) / (b + 0.05)};
  });
})()
"""
FOCUS = """
(() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") || one.textContent.trim().split("\\n")[0].slice(0, 60);
})()
"""


def a_transition(kind, name, word, after, detail=""):
    return {
        "at": START + after, "kind": kind, "namespace": "shop", "name": name, "word": word, "detail": detail,
    }  # fmt: skip


def a_step(name, started, ended, **fields):
    times = {"started": START + started, "ended": ended and START + ended}
    return {"name": name, **times, "depth": 0, "ok": True, "is_act": False, **fields}


def an_incident(name="a_wrong_image", cause="Pod shop/web-0, container main: its image cannot be pulled"):
    event = {
        "type": "Warning", "reason": "Failed", "message": "no such image", "metadata": {},
        "lastTimestamp": "2022-12-01T08:06:45Z",
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
    }  # fmt: skip
    log = {"namespace": "shop", "pod": "api-0", "container": "main", "previous": False, "problem": ""}
    lines = ['{"level": "info"}', '{"level": "warn"}', '{"level": "error", "message": "no backend"}']
    return {
        "test": f"scenarios/test_shop.py::test_{name}",
        "phase": "call",
        "started": START,
        "ended": START + 20,
        "message": f"{cause}\n  so Deployment shop/web did not come to be ready (gave up after 12 s of 60 s)",
        "cause": cause,
        "command": f"pytest scenarios/test_shop.py::test_{name}",
        "facts": {"cluster": "kyma, provider embedded", "lifecycle managers": "real"},
        "events": [event],
        "transitions": [
            a_transition("Deployment.apps", "web", "Progressing", 1, "0/1 ready"),
            a_transition("Pod", "web-0", "Pending", 1),
            a_transition("Pod", "web-0", "ErrImagePull", 4),
            a_transition("Pod", "web-0", "ImagePullBackOff", 9),
            a_transition("Pod", "api-0", "Ready", 2),
            a_transition("ConfigMap", "settings", "Deleting", 12),
            a_transition("Lamp.example.com", "hall", "Warning", 3),
            a_transition("Lamp.example.com", "hall", "Ready", 6),
        ],
        "steps": [
            a_step("set-up", 0, 1),
            a_step("test", 1, None),
            a_step("create Deployment shop/web", 1, 1.02, depth=1, is_act=True),
            a_step("wait for Deployment shop/web to be ready", 1.1, 19, depth=1, ok=False),
        ],
        "logs": [{**log, "text": "\n".join(f"2022-12-01T08:06:42.1Z {line}" for line in lines)}],
        "problems": ["logs of shop/web-0: it has not started"],
        "folder": name,
    }


def a_session():
    return Session(
        started=START,
        ended=START + 60,
        outcomes=[
            Outcome(test="scenarios/test_shop.py::test_a_wrong_image", outcome="failed", seconds=20),
            Outcome(test="scenarios/test_shop.py::test_a_lost_lease", outcome="failed", seconds=20),
            Outcome(test="scenarios/test_shop.py::test_all_is_well", outcome="passed", seconds=3),
            Outcome(
                test="scenarios/test_shop.py::test_on_k3d", outcome="skipped", seconds=0, reason="no k3d"
            ),
        ],
        incidents=[an_incident(), an_incident("a_lost_lease", "Lease shop/web is lost")],
    )


@pytest.fixture
def report(tmp_path):
    file = tmp_path / "report.html"
    file.write_text(draw(a_session()), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def profile(tmp_path):
    folder = tmp_path / "profile"
    folder.mkdir()
    return folder


async def test_the_failures_are_what_one_sees_first(report, profile):
    async with new_page(profile) as page:
        await page.open(report)

        verdict = await page.evaluate("document.querySelector('.verdict').innerText")
        below = await page.evaluate("document.querySelector('nav .why').getBoundingClientRect().bottom")
        body = await page.evaluate("document.querySelector('main').innerText")

    assert verdict.startswith("2 failed")
    assert 0 < below < 800
    assert body.startswith("A wrong image")
    assert body.index("its image cannot be pulled") < body.index("RUN IT AGAIN") < body.index("Passed: 1")


async def test_it_complains_of_nothing_and_asks_the_network_for_nothing(report, profile):
    async with new_page(profile) as page:
        await page.open(report)
        await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

        assert page.complaints == []
        assert page.requests == [report]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_can_be_read(report, profile, scheme):
    async with new_page(profile) as page:
        await page.open(report, scheme=scheme)
        await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")

        contrasts = await page.evaluate(CONTRASTS)

    assert (paper == "rgb(20, 23, 26)") is (scheme == "dark")
    assert len(contrasts) > 50
    assert [one for one in contrasts if one["ratio"] < 4.5] == []


async def test_the_keyboard_gets_everywhere_in_the_order_of_the_page(report, profile):
    async with new_page(profile) as page:
        await page.open(report)
        stops = []
        for _ in range(5):
            await page.press(TAB)
            stops.append(await page.evaluate(FOCUS))
        order = await page.evaluate(
            "[...document.querySelectorAll('a, summary, [tabindex]')].every(one => one.tabIndex === 0)"
        )

    assert stops[0] == "Skip to the failures"
    assert [stop[:13] for stop in stops[1:3]] == ["A wrong image", "A lost leaseL"]
    assert stops[3].startswith("pytest scenarios/test_shop.py::test_a_wrong_image")
    assert order


async def test_the_skip_link_leads_past_the_head(report, profile):
    async with new_page(profile) as page:
        await page.open(report)

        await page.press(TAB)
        await page.press(ENTER)
        await page.press(TAB)

        assert (await page.evaluate(FOCUS)).startswith("pytest scenarios/test_shop.py::test_a_wrong_image")


async def test_a_fold_opens_with_the_keyboard(report, profile):
    async with new_page(profile) as page:
        await page.open(report)
        await page.evaluate("document.querySelector('details:not([open]) summary').focus()")

        await page.press(ENTER)

        assert await page.evaluate("document.activeElement.parentElement.open")


async def test_a_screen_reader_has_a_name_for_everything(report, profile):
    async with new_page(profile) as page:
        await page.open(report)

        drawings = await page.names("image")
        landmarks = await page.names("navigation", "region", "link", "button", "article")
        headings = await page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map(one => one.localName + ' ' + one.innerText)"
        )

    assert any("wait for Deployment shop/web to be ready: 17.90 s" in name for name in drawings)
    assert any("Pod shop/web-0: Pending then ErrImagePull" in name for name in drawings)
    assert "" not in drawings
    assert "" not in landmarks
    assert headings[0].startswith("h1")
    assert "h2 A wrong image" in headings


async def test_a_narrow_window_does_not_scroll_sideways(report, profile):
    async with new_page(profile) as page:
        await page.open(report, width=375, height=700)

        assert await page.evaluate("document.documentElement.scrollWidth") <= 375
