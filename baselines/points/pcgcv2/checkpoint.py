"""Checkpoints of PCGCv2: where they are, which they are, how they are read. None ships with the project."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codec import Availability, Unavailable
from bench.codec.user_folders import fetch_command, programs_folder

if TYPE_CHECKING:
    from baselines.points.pcgcv2.network import Network

VARIABLE = "PCGCV2_CKPTS"
SOURCE = "https://github.com/NJUVISION/PCGCv2 (ckpts.zip)"
# Name, and first 12 digits of the SHA-256, of the published files, by rate 1 to 7.
PUBLISHED = {
    1: ("r1_0.025bpp.pth", "a252833dad6d"),
    2: ("r2_0.05bpp.pth", "5467d26edbe6"),
    3: ("r3_0.10bpp.pth", "d29ec4836a51"),
    4: ("r4_0.15bpp.pth", "c4f1aba30057"),
    5: ("r5_0.25bpp.pth", "745891986f50"),
    6: ("r6_0.3bpp.pth", "c73f46a9c22e"),
    7: ("r7_0.4bpp.pth", "aefea7b5d420"),
}
# The published files hold three more tensors, left over from an earlier layout, that nothing uses.
UNUSED = ("entropy_bottleneck.matrix", "entropy_bottleneck.bias", "entropy_bottleneck.factor")


def folder() -> Path:
    """The folder that the user named, else where ``bench fetch`` puts them."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else programs_folder() / "pcgcv2"


def checkpoint_path(rate: int) -> Path:
    """File of one rate: the published name, or any other that starts with ``r<rate>_`` or is ``r<rate>.pth``.

    Raises:
        Unavailable: when there is no such file in the folder.
    """
    where = folder()
    remedy = f"type: {fetch_command('pcgcv2')}; or set {VARIABLE} to the folder of the checkpoints from {SOURCE}"
    published = where / PUBLISHED[rate][0]
    candidates = [published, where / f"r{rate}.pth", *sorted(where.glob(f"r{rate}_*.pth"))]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise Unavailable(f"{where} holds no checkpoint of rate {rate} ({published.name})", remedy)


def availability() -> Availability:
    """Available when all seven rates are there."""
    for rate in PUBLISHED:
        try:
            checkpoint_path(rate)
        except Unavailable as error:
            return Availability(False, str(error).removesuffix(f" ({error.remedy})"), error.remedy)
    return Availability(ok=True)


def provenance() -> dict[str, str]:
    """Rate -> hash of the file, and whether it is the published one."""
    found = {}
    for rate, (_, published) in PUBLISHED.items():
        try:
            digest = checkpoint_digest(checkpoint_path(rate))
        except Unavailable:
            continue
        known = "published" if digest.startswith(published) else "not the published file"
        found[f"pcgcv2 r{rate}"] = f"sha256:{digest[:16]} ({known})"
    return found


def checkpoint_digest(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.lru_cache(maxsize=2)
def load_network(path: Path, device: str) -> tuple[Network, str]:
    """The network of a checkpoint, ready to run, and the file's digest.

    Raises:
        Unavailable: when the file is not a checkpoint of this network.
    """
    import torch

    from baselines.points.pcgcv2.network import Network

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model"]
        network = Network()
        network.load_state_dict({name: value for name, value in state.items() if name not in UNUSED})
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unavailable(f"{path} is not a PCGCv2 checkpoint: {first}", f"get it from {SOURCE}") from None
    return network.to(device).eval(), checkpoint_digest(path)
