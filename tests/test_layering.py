"""The structure of the project: imports between rooms point down, no circle of files, light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {"bench": "bench", "necgs": "necgs", "baselines": "baselines", "reports": "reports"}
SOURCES["mesh_datasets"] = "datasets/mesh_datasets"
HEAVY = {
    "torch",
    "open3d",
    "trimesh",
    "pandas",
    "seaborn",
    "matplotlib",
    "scipy",
    "pymeshlab",
    "DracoPy",
    "numba",
    "igl",
}

GROUND = {"mesh_datasets", "bench.codec"}
# Room -> the rooms that its files may import, besides their own. A file that lies directly in a top folder is a room.
MAY_IMPORT: Mapping[str, set[str]] = {
    "mesh_datasets": {"bench.codec"},
    "bench.codec": set(),
    "bench.metrics": GROUND,
    "bench.results": GROUND,
    "bench.comparison": {"bench.codec", "bench.results"},
    "bench.cache": set(),
    "bench.installation": set(),
    "bench.machine": set(),
    "bench.system_libraries": set(),
    "bench.registry": {"bench.codec"},
    "bench.planning": {*GROUND, "bench.metrics", "bench.results", "bench.registry", "bench.machine"},
    "bench.execution": {
        *GROUND,
        *("bench.metrics", "bench.results", "bench.registry", "bench.machine", "bench.planning"),
    },
    "bench.conformance": {
        *GROUND,
        *("bench.metrics", "bench.results", "bench.registry", "bench.planning", "bench.execution"),
    },
    "bench.fetching": {*GROUND, "bench.registry"},
    "bench.commands": {"bench", "reports", "mesh_datasets"},
    "bench.api": {
        "bench.codec",
        "bench.planning",
        "bench.execution",
        "bench.results",
        "bench.commands",
        "bench.__main__",
    },
    "bench.__main__": {"bench.codec", "bench.commands", "bench.installation"},
    "necgs.quantize": set(),
    "necgs.volume": {*GROUND, "necgs.quantize"},
    "necgs.fit": {*GROUND, "necgs.quantize", "necgs.volume"},
    "necgs.decoder": {*GROUND, "necgs.quantize", "necgs.volume"},
    "necgs.coding": {*GROUND, "necgs.quantize", "necgs.volume", "necgs.decoder"},
    "necgs.training": {
        *GROUND,
        *("necgs.quantize", "necgs.volume", "necgs.decoder", "necgs.coding"),
    },
    "necgs.vertex_fit": {*GROUND, "necgs.volume"},
    "necgs.mesh": {*GROUND, "necgs.setting_checks", "necgs.volume", "necgs.vertex_fit"},
    "necgs.mesh_codec": {"bench.codec", "necgs.mesh"},
    "necgs.setting_checks": set(),
    "necgs.settings": {
        *GROUND,
        "necgs.setting_checks",
        "necgs.volume",
        "necgs.decoder",
        "necgs.coding",
        "necgs.training",
    },
    "necgs.paper_settings": {
        *GROUND,
        *("necgs.setting_checks", "necgs.volume", "necgs.decoder", "necgs.coding", "necgs.training"),
    },
    "necgs.stages": {
        *GROUND,
        *("necgs.volume", "necgs.fit", "necgs.decoder", "necgs.coding", "necgs.training", "necgs.settings"),
    },
    "necgs.set_volumes": {
        *GROUND,
        *("necgs.volume", "necgs.decoder", "necgs.training", "necgs.settings", "necgs.stages"),
    },
    "necgs.cost": {"necgs.volume", "necgs.fit", "necgs.training", "necgs.paper_settings"},
    "necgs.rendering": {"necgs.cost"},
    "necgs.codec": {
        *GROUND,
        *("necgs.quantize", "necgs.coding", "necgs.settings", "necgs.stages", "necgs.set_volumes", "necgs.rendering"),
    },
    "necgs.hybrid": {
        *GROUND,
        *("necgs.setting_checks", "necgs.volume", "necgs.mesh", "necgs.mesh_codec", "necgs.settings", "necgs.codec"),
    },
    "necgs.hybrid_codec": {
        "bench.codec",
        *("necgs.hybrid", "necgs.mesh", "necgs.mesh_codec", "necgs.coding", "necgs.codec"),
    },
    "necgs.paper_codec": {"bench.codec", "necgs.codec", "necgs.cost", "necgs.paper_settings", "necgs.rendering"},
    "necgs.set_file": {
        *GROUND,
        *("necgs.coding", "necgs.stages", "necgs.codec", "necgs.paper_codec", "necgs.mesh", "necgs.mesh_codec"),
        *("necgs.hybrid", "necgs.hybrid_codec"),
    },
    "necgs.guest_context": {"bench.codec"},
    "necgs.state_folder": set(),
    "necgs": {
        *GROUND,
        *("necgs.settings", "necgs.paper_settings", "necgs.mesh", "necgs.hybrid", "necgs.coding", "necgs.set_file"),
        *("necgs.guest_context", "necgs.state_folder"),
    },
    "necgs.commands": {*GROUND, "necgs"},
    "necgs.studies": {
        *GROUND,
        "necgs",
        "bench.metrics",
        "bench.cache",
    },  # the docs' tables are measured with the one metric
    "necgs.__main__": {"necgs.commands", "bench.codec", "bench.installation"},
    "baselines.process": {"bench.codec"},
    "baselines.mesh": {*GROUND, "necgs.vertex_fit"},  # to tell what the fit brings from what the set brings
    "baselines.points": {*GROUND, "bench.metrics", "baselines.process"},
    "baselines.neural": {*GROUND, "necgs.quantize", "necgs.volume", "necgs.fit", "necgs.coding"},
    "reports.document": {"bench.codec", "bench.results", "bench.comparison"},
    "reports.run_data": {"bench.results", "bench.comparison", "reports.document"},
    "reports.sections": {"bench.results", "bench.comparison", "reports.document", "reports.run_data"},
    "reports.paper": {"bench.results", "bench.comparison", "reports.document", "reports.run_data", "reports.sections"},
    "reports.views": {
        "bench.codec",
        "bench.results",
        "bench.comparison",
        "reports.document",
        "reports.run_data",
        "reports.sections",
    },
    "reports.explorer": {
        *("bench.codec", "bench.results"),
        *("reports.document", "reports.run_data", "reports.sections", "reports.views"),
    },
    "reports.results_json": {"bench.results", "reports.run_data"},
    "reports.several": {"bench.codec", "bench.results", "reports.run_data"},
    "reports.site": {
        *("bench.codec", "bench.results", "bench.comparison"),
        *("reports.document", "reports.explorer", "reports.run_data", "reports.sections"),
        *("reports.report", "reports.several"),
    },
    "reports.writer": {"reports.document"},
    "reports.outline": {
        *("bench.results", "reports.document", "reports.run_data", "reports.sections", "reports.paper"),
        *("reports.views", "reports.writer"),
    },
    "reports.report": {"bench.codec", "bench.results", "bench.comparison", "reports"},
}


def modules(root: Path, sources: Mapping[str, str]) -> dict[str, Path]:
    """Dotted name -> file of every module."""
    found = {}
    for top, folder in sources.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = [top, *path.relative_to(root / folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The project's modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (name for name in (full, node.module) if name in known)


def room_of(module: str) -> str:
    """``bench.metrics`` for all below it; the data sets are one room."""
    parts = module.split(".")
    return parts[0] if parts[0] == "mesh_datasets" else ".".join(parts[:2])


def wrong_arrows(root: Path, sources: Mapping[str, str]) -> list[str]:
    """Imports that the rules do not allow."""
    known = modules(root, sources)
    wrong = []
    for module, path in known.items():
        own = room_of(module)
        for name in set(imported(path, known)):
            target = room_of(name)
            allowed = MAY_IMPORT.get(own, set())
            # A top-level package itself (``necgs``, ``bench``) is imported with each of its modules.
            if target == own or ("." not in target and target != "mesh_datasets"):
                continue
            if not any(target == rule or target.startswith(f"{rule}.") for rule in allowed):
                wrong.append(f"{module} imports {name}")
    return sorted(wrong)


def circles(root: Path, sources: Mapping[str, str]) -> list[set[str]]:
    """Groups of files that import one another."""
    known = modules(root, sources)
    graph = networkx.DiGraph()
    for module, path in known.items():
        graph.add_edges_from((module, name) for name in imported(path, known) if name != module)
    return [circle for circle in networkx.strongly_connected_components(graph) if len(circle) > 1]


def test_arrows_between_rooms_point_down():
    assert wrong_arrows(ROOT, SOURCES) == []


def test_every_room_has_a_rule_and_every_rule_a_room():
    rooms = {room_of(module) for module in modules(ROOT, SOURCES)} - {"bench", "baselines", "reports"}
    assert rooms == set(MAY_IMPORT)


def test_the_rules_have_no_circle_themselves():
    graph = networkx.DiGraph((room, other) for room, others in MAY_IMPORT.items() for other in others)
    assert networkx.is_directed_acyclic_graph(graph)


def test_no_files_import_one_another():
    assert circles(ROOT, SOURCES) == []


def test_a_seeded_violation_is_found(tmp_path):
    for path, text in {
        "bench/metrics/early.py": "from bench.execution import late\n",
        "bench/execution/late.py": "def f():\n    import bench.metrics.early\n",
        "bench/metrics/__init__.py": "",
        "bench/execution/__init__.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert wrong_arrows(tmp_path, {"bench": "bench"}) == [
        "bench.metrics.early imports bench.execution",
        "bench.metrics.early imports bench.execution.late",
    ]
    assert circles(tmp_path, {"bench": "bench"}) == [{"bench.metrics.early", "bench.execution.late"}]


def test_each_room_says_in_a_line_what_it_is():
    for top, folder in SOURCES.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            text = ast.get_docstring(ast.parse(init.read_text()))
            assert text, f"{init.relative_to(ROOT)} of {top} has no docstring"


@pytest.mark.parametrize(
    "statement", ["import bench.__main__ as m; m.build_parser()", "from bench.commands import codecs"]
)
def test_the_command_line_answers_without_heavy_imports(statement):
    code = f"import sys; {statement}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_describing_all_codecs_imports_nothing_heavy():
    code = (
        "import sys; from bench import registry; from bench.commands.codecs import describe; "
        f"[describe(name) for name in registry.names()]; print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []
