"""What a Go program tells of its modules, and that the file is a program of its own."""

import ast
import base64
import json
import sys
from pathlib import Path

import pytest
from eventually import PATIENCE

from kyma_harness.host.process import run
from kyma_harness.oci import sbom
from kyma_harness.oci.assemble import distribution_of
from kyma_harness.oci.sbom import GoModule, bill_of_materials, go_modules

DIGEST = base64.b64encode(bytes(32)).decode()
LISTING = f"""path\texample.org/tool/cmd
mod\texample.org/tool\t(devel)\t
dep\texample.org/a/v2\tv2.1.0\th1:{DIGEST}
dep\texample.org/replaced\tv1.0.0
=>\texample.org/fork\tv1.0.1\th1:{DIGEST}
dep\texample.org/local\tv0.0.0
=>\t../local\t(devel)\t
build\t-trimpath=true
"""


def a_text(content):
    length = len(content)
    varint = bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*varint, length]) + content


def a_program(listing=LISTING, go_version=b"go1.26.8 X:nocoverageredesign", flags=2):
    header = b"\xff Go buildinf:" + bytes([8, flags]) + bytes(16)
    return (
        b"\x7fELF" + header + a_text(go_version) + a_text(bytes(16) + listing.encode() + bytes(16)) + b"rest"
    )


EXPECTED = [
    GoModule(path="stdlib", version="1.26.8"),
    GoModule(path="example.org/tool", version="(devel)"),
    GoModule(path="example.org/a/v2", version="v2.1.0", digest=DIGEST),
    GoModule(path="example.org/fork", version="v1.0.1", digest=DIGEST),
    GoModule(path="../local", version="(devel)"),
]


@pytest.mark.parametrize(
    "program",
    [
        a_program(),
        b"\xff Go buildinf:" + bytes(40) + a_program(),
        a_program(go_version=b"text") + a_program(),
        a_program() + b"\xff Go buildinf:",
    ],
    ids=["alone", "behind a mark", "behind another text", "before a mark"],
)
def test_a_go_program_tells_which_modules_are_linked_into_it(program):
    assert list(go_modules(program)) == EXPECTED


@pytest.mark.parametrize(
    "program", [b"", b"#!/bin/sh", a_program(flags=0), b"\xff Go buildinf:", a_program(go_version=b"")]
)
def test_what_is_no_go_program_tells_of_none(program):
    assert list(go_modules(program)) == []


def test_a_program_without_modules_is_listed_alone(tmp_path):
    (tmp_path / "tool").write_bytes(b"#!/bin/sh")

    bill = json.loads(bill_of_materials("thing", "1", packages=[], programs={"tool": tmp_path / "tool"}))

    assert {component["name"] for component in bill["components"]} == {"python", "tool"}


def test_what_a_program_is_linked_with_depends_on_it(tmp_path):
    (tmp_path / "tool").write_bytes(a_program())
    packages = [distribution_of("aiohttp")]

    bill = json.loads(
        bill_of_materials("thing", "1", packages=packages, programs={"tool": tmp_path / "tool"})
    )

    edges = {entry["ref"]: set(entry.get("dependsOn", ())) for entry in bill["dependencies"]}
    assert edges["program:tool"] >= {"pkg:golang/stdlib@1.26.8", "pkg:golang/example.org/fork@v1.0.1"}
    assert edges["image"] >= {"program:tool", f"pkg:pypi/aiohttp@{packages[0].version}"}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


async def test_the_file_runs_alone_as_the_dockerfile_runs_it(tmp_path):
    (tmp_path / "helm").write_bytes(a_program())
    (tmp_path / "a-1.dist-info").mkdir()
    (tmp_path / "a-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.4\nName: A_b.c\nVersion: 1\n")

    done = await run(
        [
            sys.executable,
            sbom.__file__,
            "--image=a",
            "--version=1",
            f"--packages={tmp_path}",
            f"--program={tmp_path}/helm",
        ],
        timeout=PATIENCE,
    )

    bill = json.loads(done.stdout)
    outside = {name.partition(".")[0] for name in imports_of(Path(sbom.__file__))} - sys.stdlib_module_names
    assert {"a-b-c", "helm"} <= {component["name"] for component in bill["components"]}
    assert outside == {"cyclonedx", "packageurl"}
