"""The lifecycle managers come from where they can be had, and it is said from where and why."""

import asyncio
import lzma
import os
import shutil
from pathlib import Path

import pytest
from eventually import PATIENCE
from go_proxy import MODULES, write_proxy

from kyma_harness.host.process import run
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.errors import DistributionError
from kyma_harness.kyma.originals import GoSource, prebuilt
from kyma_harness.kyma.pair import BINARIES, MANIFESTS, Folder, find
from kyma_harness.node.rules.rules import Rules
from kyma_harness.toolchain.toolchain import ToolPaths

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="there is no go on PATH")


def write_dist(folder: Path, *, packed: bool = False, without: str = "") -> Path:
    """Write a folder as ``--kyma-dist`` takes it."""
    folder.mkdir()
    for name in BINARIES:
        content = f"#!/bin/sh\necho {name}\n".encode()
        path = folder / (f"{name}.xz" if packed else name)
        path.write_bytes(lzma.compress(content) if packed else content)
    for name in MANIFESTS:
        (folder / name).write_text(CONFIG_MAP)
    if without:
        (folder / without).unlink()
    return folder


async def nothing() -> Folder:
    raise DistributionError("the shop is closed")


@pytest.mark.parametrize("form", ["plain", "xz"])
async def test_a_folder_s_binaries_can_be_run_from_the_cache(tmp_path: Path, form: str):
    dist = write_dist(tmp_path / "dist", packed=form == "xz")

    found = await prebuilt(dist, tmp_path / "cache")

    done = await run([found.path / "module-manager"], timeout=PATIENCE)
    assert done.stdout == "module-manager\n"
    assert found.path.is_relative_to(tmp_path / "cache")


async def test_what_both_manifests_have_is_deployed_once_as_the_second_has_it(tmp_path: Path):
    dist = write_dist(tmp_path / "dist")
    first, second = (dist / name for name in MANIFESTS)
    first.write_text(CONFIG_MAP + "data: {of: first}\n---\n" + CONFIG_MAP.replace("one", "two"))
    second.write_text(CONFIG_MAP + "data: {of: second}\n")

    found = await find(Choice.REAL, [lambda: prebuilt(dist, tmp_path / "cache")])

    assert [item["metadata"]["name"] for item in found.objects] == ["one", "two"]
    assert found.objects[0]["data"] == {"of": "second"}


async def test_the_same_content_is_unpacked_once_and_other_content_beside_it(tmp_path: Path):
    dist = write_dist(tmp_path / "dist")
    first = await prebuilt(dist, tmp_path / "cache")
    again = await prebuilt(dist, tmp_path / "cache")
    (dist / "module-manager").write_text("#!/bin/sh\necho newer\n")

    newer = await prebuilt(dist, tmp_path / "cache")

    assert again == first
    assert newer.path != first.path


async def test_every_missing_file_is_named(tmp_path: Path):
    dist = write_dist(tmp_path / "dist", without="module-manager")
    (dist / "lifecycle-manager.yaml").unlink()

    with pytest.raises(DistributionError, match=r"lacks module-manager, lifecycle-manager\.yaml: it has to"):
        await prebuilt(dist, tmp_path / "cache")


async def test_a_damaged_archive_is_named_and_leaves_nothing_behind(tmp_path: Path):
    dist = write_dist(tmp_path / "dist", packed=True)
    archive = dist / "module-manager.xz"
    archive.write_bytes(archive.read_bytes()[:-20])

    with pytest.raises(DistributionError, match=r"module-manager\.xz is not a whole xz file"):
        await prebuilt(dist, tmp_path / "cache")

    assert list((tmp_path / "cache" / "kyma").iterdir()) == []


async def test_the_first_source_that_has_them_is_taken(tmp_path: Path):
    dist = write_dist(tmp_path / "dist")

    found = await find(Choice.AUTO, [nothing, lambda: prebuilt(dist, tmp_path / "cache")])

    assert found.pair is Choice.REAL
    assert found.reason == f"from {dist}"
    assert [item["kind"] for item in found.objects] == ["ConfigMap"]
    assert (Path(found.placeholders["kyma"]) / "lifecycle-manager").is_file()


async def test_the_built_in_pair_stands_in_and_says_why():
    found = await find(Choice.AUTO, [nothing])

    assert found.pair is Choice.BUILTIN
    assert found.reason == "the real ones are not to be had: the shop is closed"
    assert {item["metadata"]["name"] for item in found.objects if item["kind"] == "Deployment"} == {
        "lifecycle-manager-controller-manager",
        "module-manager-controller-manager",
    }


async def test_nothing_stands_in_where_the_real_ones_are_asked_for():
    with pytest.raises(DistributionError, match="not to be had: the shop is closed"):
        await find(Choice.REAL, [nothing])


async def test_the_built_in_pair_can_be_asked_for(tmp_path: Path):
    dist = write_dist(tmp_path / "dist")

    found = await find(Choice.BUILTIN, [lambda: prebuilt(dist, tmp_path / "cache")])

    assert (found.pair, found.reason) == (Choice.BUILTIN, "asked for")


@pytest.mark.parametrize("choice", [Choice.REAL, Choice.BUILTIN])
async def test_the_rules_of_a_pair_are_rules_the_process_node_takes(tmp_path: Path, choice: Choice):
    dist = write_dist(tmp_path / "dist")
    found = await find(choice, [lambda: prebuilt(dist, tmp_path / "cache")])

    rules = Rules.load(found.rules)
    rules.check([*found.placeholders, "tools"])

    assert rules.match("eu.gcr.io/kyma-project/module-manager:latest").listen.keys() == {8080, 8081, 8082}
    assert rules.match("nats:2.15.1").listen.keys() == {4222, 8222}


@pytest.fixture
def go_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point go at caches of its own and at a module proxy on disk."""
    monkeypatch.setenv("GOPROXY", write_proxy(tmp_path / "proxy"))
    monkeypatch.setenv("GONOSUMDB", "example.com/*")
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    return tmp_path


@needs_go
async def test_go_builds_both_from_the_proxy_of_the_environment(go_environment: Path, tools: ToolPaths):
    said: list[str] = []
    source = GoSource(
        cache=go_environment / "cache",
        kubectl=tools.folder / "kubectl",
        modules=MODULES,
        on_progress=said.append,
    )

    found = await source()

    assert sorted(path.name for path in found.path.iterdir()) == sorted([*BINARIES, *MANIFESTS])
    assert "name: kcp-module-manager" in (found.path / "module-manager.yaml").read_text()
    assert os.access(found.path / "lifecycle-manager", os.X_OK)
    assert said[0] == f"fetching {MODULES[0]}"


@needs_go
async def test_what_was_built_before_is_taken_without_go(
    go_environment: Path, tools: ToolPaths, monkeypatch: pytest.MonkeyPatch
):
    source = GoSource(cache=go_environment / "cache", kubectl=tools.folder / "kubectl", modules=MODULES)
    first = await source()
    monkeypatch.setenv("PATH", "")

    assert await source() == first


@needs_go
async def test_two_who_need_them_at_once_build_them_once(
    go_environment: Path, tools: ToolPaths, monkeypatch: pytest.MonkeyPatch
):
    """A go that notes each call stands in for two processes: a lock does not mind whose it is."""
    calls, go = go_environment / "calls", shutil.which("go")
    counting = go_environment / "bin" / "go"
    counting.parent.mkdir()
    counting.write_text(f'#!/bin/sh\necho "$1" >> {calls}\nexec {go} "$@"\n')
    counting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{counting.parent}:{os.environ['PATH']}")
    said: list[str] = []
    first, second = (
        GoSource(
            cache=go_environment / "cache",
            kubectl=tools.folder / "kubectl",
            modules=MODULES,
            on_progress=said.append,
        )
        for _ in range(2)
    )

    found = await asyncio.gather(first(), second())

    assert found[0] == found[1]
    assert calls.read_text().split().count("install") == len(MODULES)
    assert f"waiting for process {os.getpid()} (building lifecycle managers)" in said
    assert [path.name for path in (go_environment / "cache" / "kyma").iterdir()] == [found[0].path.name]


@needs_go
async def test_a_go_mod_of_the_user_s_has_no_say(
    go_environment: Path, tools: ToolPaths, monkeypatch: pytest.MonkeyPatch
):
    project = go_environment / "project"
    project.mkdir()
    (project / "go.mod").write_text("module example.com/theirs\n\ngo 1.999\n")
    monkeypatch.chdir(project)
    source = GoSource(cache=go_environment / "cache", kubectl=tools.folder / "kubectl", modules=MODULES)

    assert (await source()).path.is_dir()


@needs_go
async def test_a_proxy_without_the_module_is_quoted_and_leaves_nothing_behind(
    go_environment: Path, tools: ToolPaths, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GOPROXY", (go_environment / "empty").as_uri())
    source = GoSource(cache=go_environment / "cache", kubectl=tools.folder / "kubectl", modules=MODULES)

    with pytest.raises(DistributionError, match=f"{MODULES[0].path}@.* cannot be fetched: "):
        await source()

    assert list((go_environment / "cache" / "kyma").iterdir()) == []


async def test_a_machine_without_go_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    source = GoSource(cache=tmp_path, kubectl=tmp_path / "kubectl", modules=MODULES)

    with pytest.raises(DistributionError, match="there is no go on PATH"):
        await source()
