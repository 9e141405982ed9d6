"""Serve a chart as a Helm repository does."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from aiohttp import web

from kyma_harness.oci.bundle import pack_folder


@asynccontextmanager
async def serving(chart: Path) -> AsyncIterator[str]:
    """Serve one chart while the block runs; yields the repository's URL."""
    with TemporaryDirectory() as folder:
        await asyncio.to_thread(_write, chart, Path(folder))
        application = web.Application()
        application.router.add_static("/", folder)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        try:
            await site.start()
            host, port = runner.addresses[0]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


def _write(chart: Path, folder: Path) -> None:
    """Write the chart's archive, in which all lies below the chart's name, and an index that names it."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    archive = f"{about['name']}-{about['version']}.tgz"
    with TemporaryDirectory() as around:
        shutil.copytree(chart, Path(around) / about["name"])
        (folder / archive).write_bytes(pack_folder(Path(around)))
    index = {"apiVersion": "v1", "entries": {about["name"]: [{**about, "urls": [archive]}]}}
    (folder / "index.yaml").write_text(yaml.safe_dump(index), encoding="utf-8")
