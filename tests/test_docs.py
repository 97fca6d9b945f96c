"""Links between the pages lead somewhere, and the list of pages is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "RELEASE.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


MADE_LATER = {"bench/gates/gpu-ci.json"}
"""What a page tells the reader to make."""


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_paths_in_code_type_exist(page):
    tops = "bench|necgs|baselines|reports|datasets|tests|docs"
    paths = set(re.findall(rf"`((?:{tops})/[\w./-]*)`", page.read_text())) - MADE_LATER
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in PAGES if page.name != "index.md" and f"{page.name})" not in index] == []


def test_the_architecture_names_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [
        path.parent for top in ("bench", "necgs", "baselines", "reports") for path in (ROOT / top).glob("*/__init__.py")
    ]
    assert [str(room.relative_to(ROOT)) for room in rooms if f"{room.name}/" not in text] == []
