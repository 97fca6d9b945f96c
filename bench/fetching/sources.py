"""What can be fetched: from where, how large it is, under which licence, how it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bench.codec.did_you_mean import known_names
from bench.codec.errors import UserError
from bench.fetching import layouts
from bench.fetching.build import Build

GB = 1_000_000_000
AMA_SERVER = "http://groups.csail.mit.edu/graphics/mesh_animation"
AMA_SEQUENCES = (
    *("D_bouncing", "D_handstand", "D_march", "D_squat", "I_crane"),
    *("I_jumping", "I_march", "I_squat", "T_samba", "T_swing"),
)
THINGI10K_REVISION = "2d5d3b2f3cd3711028ad75b12788c13b25559ec6"  # of the Hugging Face data set: v1.5.0
THINGI10K_SERVER = f"https://huggingface.co/datasets/Thingi10K/Thingi10K/resolve/{THINGI10K_REVISION}"
PCGCV2_COMMIT = "88ff2a18b1b3cac89eef66997cc4e8bcf4fb0420"
TMC13_COMMIT = "a3d15c5e73bae20fbe2ec79be60994038a66dc8d"
TMC2_COMMIT = "a9de3f95e9f81db0927249f03805a39f7a49ba21"


@dataclass(frozen=True)
class Download:
    """One file on a server.

    Args:
        url: where it is.
        name: of the file while it is kept here.
        size: bytes, as far as known; 0 where they are not.
        sha256: of the content, where it is known.
        git_blob: id of the content as git has it (SHA-1 over a header and the bytes), where that is known.
        instead: a URL that is tried where the server has no such file.
    """

    url: str
    name: str
    size: int = 0
    sha256: str = ""
    git_blob: str = ""
    instead: str = ""

    @property
    def pinned(self) -> bool:
        """Whether the content is known beforehand."""
        return bool(self.sha256 or self.git_blob)


@dataclass(frozen=True)
class Source:
    """Something that can be fetched.

    Args:
        name: on the command line and of the installed folder.
        kind: ``program``, ``checkpoints`` or ``data``; decides the folder that it goes into, and how it is tried.
        title: one line on what it is.
        licence: under which it may be used.
        page: where its authors tell about it.
        layout: which files are wanted, and where they go.
        now: the command that works afterwards.
        installed: bytes on disk in the end, roughly; 0 where that is not known.
        downloads: the files; empty where there are none that a program may get.
        build: how it is built from its authors' sources, for programs.
        by_hand: how the user gets it where there is neither.
        needs: files that must be there in the end.
        repository_file: commit and path of the file in its git repository that holds all that is wanted.
        skip: names of archives in archives that hold nothing that is wanted.
    """

    name: str
    kind: str
    title: str
    licence: str
    page: str
    layout: layouts.Layout
    now: str
    installed: int = 0
    downloads: tuple[Download, ...] = ()
    build: Build | None = None
    by_hand: str = ""
    needs: tuple[str, ...] = ()
    repository_file: tuple[str, str] = ("", "")
    skip: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of the installed folder: variants share one."""
        return self.name.partition(":")[0]

    @property
    def automatic(self) -> bool:
        """Whether it can be had without the user's help."""
        return bool(self.downloads or self.build)

    @property
    def origins(self) -> list[str]:
        """Where it comes from without the user's help."""
        if self.build:
            return [f"{self.build.url} at commit {self.build.commit[:7]}"]
        return [item.url for item in self.downloads]

    @property
    def download_size(self) -> int:
        """Bytes to download, as far as known."""
        return sum(download.size for download in self.downloads)


def _thingi10k(name: str, files: str, installed: int, download: Download) -> Source:
    return Source(
        name=name,
        kind="data",
        title=f"Thingi10K (Zhou and Jacobson 2016): 10,000 models for 3D printing, {files}",
        licence="per model: Creative Commons, GPL, LGPL, BSD, public domain; see the set's metadata",
        page="https://huggingface.co/datasets/Thingi10K/Thingi10K",
        layout=layouts.thingi10k,
        installed=installed,
        downloads=(download,),
        now="python -m bench run --dataset thingi10k --limit 6",
    )


_SOURCES = (
    Source(
        name="gpcc",
        kind="program",
        title="MPEG G-PCC: the program tmc3, for the codecs gpcc, gpcc-octree, gpcc-trisoup",
        licence="BSD-3-Clause",
        page="https://github.com/MPEGGroup/mpeg-pcc-tmc13",
        layout=layouts.program_alone("tmc3"),
        installed=10_000_000,
        build=Build("https://github.com/MPEGGroup/mpeg-pcc-tmc13.git", TMC13_COMMIT),
        needs=("bin/tmc3",),
        now="python -m bench run --codecs draco,gpcc --limit 6",
    ),
    Source(
        name="vpcc",
        kind="program",
        title="MPEG V-PCC: the programs PccAppEncoder and PccAppDecoder with their folder cfg, for the codec vpcc",
        licence="BSD-3-Clause",
        page="https://github.com/MPEGGroup/mpeg-pcc-tmc2",
        layout=layouts.programs("PccAppEncoder", "PccAppDecoder"),
        installed=60_000_000,
        build=Build(
            "https://github.com/MPEGGroup/mpeg-pcc-tmc2.git",
            TMC2_COMMIT,
            also="HM-16.20+SCM-8.8 and JM from vcgit.hhi.fraunhofer.de",
        ),
        needs=("bin/PccAppEncoder", "bin/PccAppDecoder", "cfg/common/ctc-common.cfg"),
        now="python -m bench run --codecs draco,vpcc@r1+r3 --limit 2",
    ),
    Source(
        name="pcgcv2",
        kind="checkpoints",
        title="PCGCv2: the authors' seven checkpoints, for the codec pcgcv2",
        licence="MIT",
        page="https://github.com/NJUVISION/PCGCv2",
        layout=layouts.checkpoints,
        installed=22_400_000,
        downloads=(
            Download(
                url=f"https://raw.githubusercontent.com/NJUVISION/PCGCv2/{PCGCV2_COMMIT}/ckpts.zip",
                name="ckpts.zip",
                size=21_000_000,
                git_blob="f763df83af3cbe7da34e7975b89ed4e8f6dbdd35",
            ),
        ),
        needs=tuple(layouts.CHECKPOINTS),
        repository_file=(PCGCV2_COMMIT, "ckpts.zip"),
        now="python -m bench run --codecs draco,pcgcv2@r1+r3 --limit 2",
    ),
    Source(
        name="ama",
        kind="data",
        title="Articulated Mesh Animation (Vlasic et al. 2008): ten sequences of people in motion, meshes only",
        licence="research data, no licence stated; cite the paper, do not redistribute",
        page="https://people.csail.mit.edu/drdaniel/mesh_animation/",
        layout=layouts.ama,
        installed=1_300_000_000,
        downloads=tuple(
            Download(
                url=f"{AMA_SERVER}/{sequence}/meshes.tgz",
                name=f"{sequence}.tgz",
                size=45_000_000,
                instead=f"{AMA_SERVER}/{sequence}.tar",
            )
            for sequence in AMA_SEQUENCES
        ),
        skip=("images", "calibration", "silhouettes", "template", "video", "videos"),
        now="python -m bench run --dataset ama --limit 6",
    ),
    _thingi10k(
        "thingi10k",
        "as npz files",
        14 * GB,
        Download(
            url=f"{THINGI10K_SERVER}/Thingi10K_npz.tar.gz",
            name="Thingi10K_npz.tar.gz",
            size=4_083_478_827,
            # As three unrelated public projects record it.
            sha256="0a9e3e7f0df0393c9f12959b5c3691ec01a4032a9c5c13ee9cc9a6e3f3d11e0c",
        ),
    ),
    _thingi10k(
        "thingi10k:raw",
        "the files as they were uploaded",
        35 * GB,
        Download(f"{THINGI10K_SERVER}/Thingi10K.tar.gz", "Thingi10K.tar.gz", size=10 * GB),
    ),
    Source(
        name="dt4d",
        kind="data",
        title="DeformingThings4D (Li et al. 2021): 1,972 animations of animals and humanoids",
        licence="DeformingThings4D Terms of Use: non-commercial research, no redistribution",
        page="https://github.com/rabbityl/DeformingThings4D",
        layout=layouts.dt4d,
        by_hand="its authors give it to those who ask: fill in the form at "
        "https://github.com/rabbityl/DeformingThings4D, download what they send, then type: "
        "python -m bench fetch dt4d --source ARCHIVE_OR_FOLDER",
        now="python -m bench run --dataset dt4d --limit 6",
    ),
)

SOURCES = MappingProxyType({source.name: source for source in _SOURCES})
"""All that can be fetched, by name."""

MIXED = ("ama", "thingi10k", "dt4d")
"""What the name ``mixed`` stands for."""


def chosen(names: Sequence[str]) -> tuple[Source, ...]:
    """The sources of these names, each once; ``mixed`` is the three data sets.

    Raises:
        UserError: a name that is not known, or two variants of one set.
    """
    wanted: dict[str, Source] = {}
    for name in (part for given in names for part in (MIXED if given == "mixed" else (given,))):
        if name not in SOURCES:
            known = known_names(name, [*SOURCES, "mixed"])
            raise UserError(f"there is nothing to fetch called {name!r}; {known}")
        source = SOURCES[name]
        if wanted.setdefault(source.folder, source) is not source:
            raise UserError(f"{wanted[source.folder].name} and {name} go into one folder", "name one of them")
    return tuple(wanted.values())
