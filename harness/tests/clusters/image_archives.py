"""Archives of images, as ``docker save`` and OCI tools write them."""

import io
import json
import tarfile


def saved(folder, *names, file="nats.tar", mode="w"):
    """Write what `docker save` makes of images with these names; without one, of an image by its id."""
    return packed(folder / file, {"manifest.json": [{"Config": "a.json", "RepoTags": list(names)}]}, mode)


def packed(file, contents, mode="w"):
    """Write a tar with JSON files."""
    with tarfile.open(file, mode) as archive:
        for name, content in contents.items():
            text = json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return file
