import subprocess

import pytest

from bench import system_libraries


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run on a system that lacks one library; after it, the library is there."""
    ran: list[list[str]] = []
    monkeypatch.setattr(system_libraries, "missing_packages", lambda: [] if ran else ["libusb-1.0-0"])
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    return ran


def test_nothing_is_installed_unasked(commands, monkeypatch, capsys):
    monkeypatch.delenv("BENCH_INSTALL_LIBRARIES", raising=False)
    assert system_libraries.main() == 3
    assert commands == []
    assert "sudo apt-get install -y --no-install-recommends libusb-1.0-0" in capsys.readouterr().out


@pytest.mark.parametrize("user", [0, 1000])
def test_it_is_installed_where_that_is_asked_for(user, commands, monkeypatch):
    monkeypatch.setenv("BENCH_INSTALL_LIBRARIES", "1")
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: user, raising=False)
    assert system_libraries.main() == 0
    assert [command[-1] for command in commands] == ["-qq", "libusb-1.0-0"]
    assert all((command[0] == "sudo") == (user != 0) for command in commands)


def test_without_apt_the_line_is_printed(commands, monkeypatch, capsys):
    monkeypatch.setenv("BENCH_INSTALL_LIBRARIES", "1")
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: None)
    assert (system_libraries.main(), commands) == (3, [])
    assert "libusb-1.0-0" in capsys.readouterr().out
