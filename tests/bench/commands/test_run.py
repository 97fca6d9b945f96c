"""What ``bench run`` says beside its progress."""

from __future__ import annotations

import pytest

from bench.__main__ import main
from bench.planning.profile import shipped
from bench.results.store import RunFolder


def test_finished_jobs_keep_no_meshes_and_the_user_is_told(command, tmp_path, capsys):
    ordered = command("OneRate", extra=("--no-report",))
    keeping = [*ordered, "--keep-decoded", "--dry-run"]
    run, said = RunFolder(tmp_path / "run"), "1 of 1 jobs were finished without it and keep no meshes; with --remeasure"
    assert main(keeping) == 0
    assert said not in capsys.readouterr().err
    assert main(ordered) == 0
    assert main(keeping) == 0
    assert said in capsys.readouterr().err
    for more in ("--quiet", "--remeasure"):
        assert main([*keeping, more]) == 0
        assert said not in capsys.readouterr().err
    (row,) = run.set_rows()
    run.decoded(row["archive"]).mkdir(parents=True)
    assert main(keeping) == 0
    assert said not in capsys.readouterr().err


def test_the_help_names_every_shipped_profile(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    assert f"{', '.join(shipped())}, or the path of a .toml file" in " ".join(capsys.readouterr().out.split())
