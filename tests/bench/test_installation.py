import sys

from bench import installation
from tests.bench.command_line import run_command


def test_this_installation_is_from_one_place():
    assert installation.strangers() == {}


def test_a_package_of_other_origin_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "mesh_datasets").mkdir()
    (tmp_path / "mesh_datasets" / "__init__.py").write_text("")
    for name in [name for name in sys.modules if name.partition(".")[0] == "mesh_datasets"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installation.strangers() == {"mesh_datasets": str(tmp_path / "mesh_datasets")}
    assert run_command("doctor") == 3
    assert f"mesh_datasets: {tmp_path / 'mesh_datasets'}, not " in capsys.readouterr().out
