from pathlib import Path

import pytest
from tooling import ASSET, BINARY, LINUX, a_publisher, a_tool, a_toolchain, an_archive, files_in, sha256

from kyma_harness.host.ports import PortPool
from kyma_harness.toolchain.catalogue import Release
from kyma_harness.toolchain.toolchain import ToolUnavailableError
from kyma_harness.toolchain.ways import ReleaseWay, WayFailedError, read_pins


def way_to(mirror: str, pins: dict[str, str] | None = None) -> ReleaseWay:
    return ReleaseWay(pins=pins or {}, mirror=mirror, platform=LINUX)


async def test_a_release_with_the_publishers_checksum_is_unpacked_and_executable(tmp_path: Path) -> None:
    archive = an_archive()
    files = {ASSET: archive, f"{ASSET}.sha256": f"{sha256(archive)}  tiny-1.2.3.tar.gz\n".encode()}

    async with a_publisher(files) as mirror:
        paths = await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool()])

    assert (paths.folder / "tiny").read_bytes() == BINARY
    assert (paths.folder / "tiny").stat().st_mode & 0o111


async def test_the_sum_is_found_among_those_of_other_assets(tmp_path: Path) -> None:
    archive = an_archive()
    sums = f"{'0' * 64}  other.tar.gz\n{sha256(archive)} *tiny-1.2.3.tar.gz\n"

    async with a_publisher({ASSET: archive, f"{ASSET}.sha256": sums.encode()}) as mirror:
        paths = await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool()])

    assert (paths.folder / "tiny").exists()


async def test_a_plain_binary_needs_no_unpacking(tmp_path: Path) -> None:
    release = Release(url="https://tiny.test/{os}/tiny", checksums="https://tiny.test/{os}/tiny.sha256")
    files = {"/tiny.test/linux/tiny": BINARY, "/tiny.test/linux/tiny.sha256": sha256(BINARY).encode()}

    async with a_publisher(files) as mirror:
        paths = await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool(release=release)])

    assert (paths.folder / "tiny").read_bytes() == BINARY


async def test_a_wrong_checksum_leaves_nothing_behind(tmp_path: Path) -> None:
    files = {ASSET: an_archive(), f"{ASSET}.sha256": b"0" * 64}

    async with a_publisher(files) as mirror:
        with pytest.raises(
            ToolUnavailableError, match=r"official release: .* has SHA-256 .* should have 0000"
        ):
            await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool()])

    assert files_in(tmp_path, "*tiny*") == []


async def test_a_pinned_checksum_outweighs_the_publishers(tmp_path: Path) -> None:
    archive = an_archive()
    files = {ASSET: archive, f"{ASSET}.sha256": sha256(archive).encode()}

    async with a_publisher(files) as mirror:
        way = way_to(mirror, {"tiny-1.2.3-linux-amd64": "f" * 64})
        with pytest.raises(ToolUnavailableError, match="should have ffff"):
            await a_toolchain(tmp_path, [way]).ensure([a_tool()])


async def test_a_release_that_is_not_there_is_told_by_its_address(tmp_path: Path) -> None:
    async with a_publisher({}) as mirror:
        with pytest.raises(ToolUnavailableError, match=r"tiny-1\.2\.3\.tar\.gz\.sha256 answered 404"):
            await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool()])


async def test_an_archive_without_the_binary_is_told_by_its_member(tmp_path: Path) -> None:
    archive = an_archive(member="elsewhere/tiny")
    files = {ASSET: archive, f"{ASSET}.sha256": sha256(archive).encode()}

    async with a_publisher(files) as mirror:
        with pytest.raises(ToolUnavailableError, match="has no linux-amd64/tiny"):
            await a_toolchain(tmp_path, [way_to(mirror)]).ensure([a_tool()])


async def test_a_host_that_refuses_is_named_and_not_asked_again(tmp_path: Path) -> None:
    with PortPool() as ports:
        port = ports.reserve()
        toolchain = a_toolchain(tmp_path, [way_to(f"http://127.0.0.1:{port}")])
        with pytest.raises(ToolUnavailableError, match=r"official release: 127\.0\.0\.1:.* is out of reach"):
            await toolchain.ensure([a_tool()])

        async with a_publisher({}, port=port):
            with pytest.raises(ToolUnavailableError, match="is out of reach"):
                await toolchain.ensure([a_tool()])


async def test_a_full_disk_is_no_host_out_of_reach(tmp_path: Path) -> None:
    archive = an_archive()
    files = {ASSET: archive, f"{ASSET}.sha256": sha256(archive).encode()}
    download = tmp_path / "tiny.download"
    download.symlink_to("/dev/full")

    async with a_publisher(files) as mirror:
        with pytest.raises(WayFailedError, match=rf"^{download} cannot be written: No space left on device$"):
            await way_to(mirror).bring(a_tool(), tmp_path / "tiny", lambda *_: None)


async def test_without_a_pin_a_mirror_must_speak_https(tmp_path: Path) -> None:
    way = way_to("http://mirror.test")

    with pytest.raises(
        ToolUnavailableError, match=r"no checksum is pinned, and http://mirror\.test/.* is not HTTPS"
    ):
        await a_toolchain(tmp_path, [way]).ensure([a_tool()])


def test_pins_are_read_as_sha256sum_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "checksums.txt"
    file.write_text(f"# a comment\n\n{'A' * 64}  tiny-1.2.3-linux-amd64\n")

    assert read_pins(file) == {"tiny-1.2.3-linux-amd64": "a" * 64}
