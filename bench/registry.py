"""Codec names -> codec objects. A codec of the project is one line here; one of another package is an entry point.

An entry point of group ``necgs_bench.codecs`` maps a name to a class derived from `bench.codec.Codec`::

    [project.entry-points."necgs_bench.codecs"]
    mycodec = "mypackage.mycodec:MyCodec"
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points

from bench.codec import Availability, Codec, CodecInfo, Rate, UserError
from bench.codec.did_you_mean import known_names

ENTRY_POINT_GROUP = "necgs_bench.codecs"

BUILT_IN = {
    "necgs": "necgs.codec:NecgsCodec",
    "necgs-paper": "necgs.paper_codec:NecgsPaperCodec",
    "meshset": "necgs.mesh_codec:MeshSet",
    "hybrid": "necgs.hybrid_codec:Hybrid",
    "draco": "baselines.mesh.draco:Draco",
    "draco-simplify": "baselines.mesh.draco_simplify:DracoSimplify",
    "meshopt": "baselines.mesh.meshopt:Meshopt",
    "meshopt-simplify": "baselines.mesh.meshopt:MeshoptSimplify",
    "quantize-zstd": "baselines.mesh.quantize_zstd:QuantizeZstd",
    "octree": "baselines.points.octree:Octree",
    "gpcc": "baselines.points.gpcc:Gpcc",
    "gpcc-octree": "baselines.points.gpcc:GpccOctree",
    "gpcc-trisoup": "baselines.points.gpcc:GpccTrisoup",
    "vpcc": "baselines.points.vpcc:Vpcc",
    "pcgcv2": "baselines.points.pcgcv2.codec:Pcgcv2",
    "quantdeepsdf": "baselines.neural.quantdeepsdf.codec:QuantDeepSdf",
    "identity": "baselines.mesh.identity:Identity",
}


class UnknownCodec(UserError):
    """No codec of that name."""


def names() -> list[str]:
    """All codec names, the project's own first, in the order of the registry."""
    return [*BUILT_IN, *sorted(_entry_points().keys() - BUILT_IN.keys())]


def get(name: str) -> Codec:
    """The codec called ``name``, or at ``module:Class``. Imports its module, which is cheap by contract.

    Raises:
        UnknownCodec: naming the known ones.
    """
    target = BUILT_IN.get(name) or _entry_points().get(name) or (name if ":" in name else None)
    if target is None:
        raise UnknownCodec(f"there is no codec {name!r}; {known_names(name, names())}")
    module, _, attribute = target.partition(":")
    try:
        codec = getattr(importlib.import_module(module), attribute)()
    except (Exception, SystemExit) as error:  # whatever a foreign module does when it is imported
        what = f"codec {name!r}: {target} cannot be imported: {type(error).__name__}: {error}"
        raise UnknownCodec(what) from None
    if not isinstance(codec, Codec):
        raise UnknownCodec(f"{target}, registered as {name!r}, is not derived from bench.codec.Codec")
    if fault := _fault(codec):
        raise UnknownCodec(f"codec {name!r}: {fault}", "tell its author")
    return codec


def _fault(codec: Codec) -> str:
    """What a codec says of itself that the harness cannot use; empty where it can."""
    try:
        parts: tuple[object, object, object] = (codec.info, codec.rate_type, codec.ladder)
    except Exception as error:  # a codec of somebody else may compute them
        return f"what it says of itself cannot be read: {type(error).__name__}: {error}"
    info, rate_type, ladder = parts
    if not isinstance(info, CodecInfo):
        return "its info is no CodecInfo"
    if not (isinstance(rate_type, type) and issubclass(rate_type, Rate)):
        return "its rate_type is not derived from Rate"
    return "" if isinstance(ladder, Mapping) else "its ladder is no table"


def provenance(name: str) -> dict[str, str]:
    """Versions of what does the work of a codec, as texts; the reason where the codec breaks when asked."""
    codec = get(name)
    try:
        return {str(part): str(version) for part, version in codec.provenance().items()}
    except Exception as error:
        return {"provenance": f"cannot be read: {type(error).__name__}: {error}"}


def is_registered(name: str) -> bool:
    """Whether ``name`` is a codec of the project or of an installed package: what data may name without being run."""
    return name in BUILT_IN or name in _entry_points()


def availability(name: str) -> Availability:
    """Whether a codec can run here. One that breaks when it is imported or asked is not available, with the reason.

    Raises:
        UnknownCodec: no codec is called so.
    """
    if not is_registered(name) and ":" not in name:
        get(name)
    try:
        codec = get(name)
        state: object = codec.availability()
        if isinstance(state, Availability):
            return state
        return Availability(False, f"{name}: its availability is no Availability", "tell its author")
    except UnknownCodec as error:
        return Availability(False, str(error), "repair or uninstall the package that provides it")
    except Exception as error:
        return Availability(False, f"{name} breaks when asked: {type(error).__name__}: {error}", "tell its author")


def _entry_points() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
