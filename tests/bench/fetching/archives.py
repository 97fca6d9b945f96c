"""Small archives in the layouts of the real ones."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Mapping

SPHERE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def tar(files: Mapping[str, bytes | str], mode: str = "w:gz") -> bytes:
    """A tar archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def ama_meshes(sequence: str, frames: int = 2) -> bytes:
    """As ``T_samba/meshes.tgz`` on the server."""
    return tar({f"meshes/mesh_{frame:04d}.obj": SPHERE for frame in range(frames)})


def ama_sequence(sequence: str, frames: int = 2) -> bytes:
    """As ``T_samba.tar``: archives in an archive, images among them."""
    files: dict[str, bytes | str] = {
        f"{sequence}/images.tgz": tar({"images/Image1_0000.png": b"png", "images/mesh_9999.obj": SPHERE}),
        f"{sequence}/meshes.tgz": ama_meshes(sequence, frames),
        f"{sequence}/calibration/Camera1.Pmat.cal": "1 0 0 0",
    }
    return tar(files, "w")


PROGRAM = """
options = dict(a[2:].split('=', 1) for a in sys.argv[1:])
if options['mode'] == '0':
    data = open(options['uncompressedDataPath'], 'rb').read()
    open(options['compressedStreamPath'], 'wb').write(data)
else:
    data = open(options['compressedStreamPath'], 'rb').read()
    head, body = data.split(b'end_header\\n', 1)
    open(options['reconstructedDataPath'], 'wb').write(
        head + b'element face 0\\nproperty list uint8 int32 vertex_index\\nend_header\\n' + body)
"""
"""A stand-in for tmc3: keeps the points as they are."""


def program(body: str = PROGRAM) -> str:
    """The text of an executable Python script."""
    return f"#!{sys.executable} -S\nimport os, sys\n{body}\n"
