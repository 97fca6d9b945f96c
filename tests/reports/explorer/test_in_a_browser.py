"""The page as a reader uses it: one browser, one run with meshes, two codecs, a failed one among them."""

import pytest

from bench.execution.stored_meshes import StoredMeshes
from reports.document.document import Heading, TableBlock
from reports.document.html import write_html
from reports.explorer.page import explorer_page
from reports.run_data import RunData
from reports.sections.provenance import what_was_run
from reports.sections.rate_points import points_table
from reports.views.views import make_views
from tests.reports.browser import Browser, needs_chromium
from tests.reports.meshes import write_run_with_meshes
from tests.reports.synthetic import Defects

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    defects = Defects(failing=[("octree", "r2", 1)])
    run = write_run_with_meshes(folder / "run", folder / "cache", defects=defects)
    data = RunData.load(run.path)
    views = make_views(data, "folder:x", StoredMeshes(run, folder / "cache"))
    # Without the printed figures, which take longer than all the rest.
    blocks = [*what_was_run(data), Heading("Rate and distortion"), TableBlock(points_table(data, "folder:x"))]
    return write_html(folder / "report.html", blocks, explorer_page(data, views, {})).as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("user"))
    yield opened
    opened.driver.quit()


@pytest.fixture
def page(browser, address):
    """The page as it opens; whatever the test did, nothing complained and nothing was asked for but the page."""
    browser.requests()
    browser.open(address)
    browser.wait("document.querySelector('.views').dataset.drawn")
    yield browser
    assert browser.errors() == []
    asked = {found.partition("#")[0] for found in browser.requests()}
    assert {found for found in asked if not found.startswith("chrome://")} == {address}  # its own first page is late


LABELS = "Array.from(document.querySelectorAll('.plot svg')).map((plot) => plot.getAttribute('aria-label'))"


def texts(page, selector):
    script = "return Array.from(document.querySelectorAll(arguments[0])).filter((n) => n.checkVisibility())"
    return page.run(script + ".map((n) => n.textContent)", selector)


def test_a_press_on_a_point_shows_its_shapes_best_first_and_a_reload_keeps_them(page):
    # Three shapes, the original and two codecs at a similar size; one shape failed, the others have ink.
    assert page.run("return document.querySelector('.views').dataset.drawn") == "8"
    page.click("g.point[data-key='draco@r1']")
    page.wait("document.querySelector('.views').dataset.keys === 'draco@r1'")
    assert page.run("return document.querySelector('.views').dataset.drawn") == "6"
    assert page.run("return location.hash") == "#pick=draco%40r1"
    shown = texts(page, ".view h3")
    error = "page.meshes.views.map((v) => [v.shape, v.panels.find((p) => p.key === 'draco@r1').mean])"
    ranked = sorted(page.run(f"return {error}"), key=lambda pair: pair[1])
    assert [text.split()[0] for text in shown] == [shape for shape, _ in ranked]
    page.driver.refresh()
    page.wait("(document.querySelector('.views') || {dataset: {}}).dataset.keys === 'draco@r1'")
    assert texts(page, ".view h3") == shown
    captions = texts(page, ".view figcaption")
    assert all("r1" in text for text in captions if "faces" not in text)
    assert texts(page, "figure.rows figcaption")[1] == "Draco, r1: 3 shapes, best first"


def test_a_failed_shape_says_so_beside_the_original(page):
    page.click("tr[data-key='octree@r2'] button")
    page.wait("document.querySelector('.views').dataset.keys === 'octree@r2'")
    assert [text for text in texts(page, ".view figcaption") if "decode_failed" in text] != []
    assert page.run("return document.querySelector('.views').dataset.drawn") == "5"


def test_a_codec_that_is_switched_off_leaves_every_plot_and_table(page):
    assert "Octree" in " ".join(texts(page, "td"))
    page.click("input[value=octree]")
    page.wait("!document.querySelector('g.point[data-codec=octree]')")
    assert page.run("return document.querySelectorAll('.curve[data-codec=octree]').length") == 0
    assert [text for text in texts(page, "td, th") if "Octree" in text] == []
    assert "Draco" in " ".join(texts(page, "td"))
    page.wait("document.querySelector('.views').dataset.keys === 'draco@r1'")
    page.driver.refresh()
    page.wait("document.querySelector('#explorer').dataset.ready")
    assert [text for text in texts(page, "td, th") if "Octree" in text] == []


def test_tables_sort_by_the_column_that_is_pressed(page):
    rows = "Array.from(document.querySelectorAll('.plotted tbody tr'))"
    bytes_of = rows + ".map((row) => Number(row.cells[2].textContent.replace(/,/g, '')))"
    page.click(".plotted th:nth-child(3) button")
    upwards = page.run(f"return {bytes_of}")
    assert upwards == sorted(upwards)
    page.click(".plotted th:nth-child(3) button")
    assert page.run(f"return {bytes_of}") == upwards[::-1]
    assert page.run("return location.hash") == "#sort=-3"
    printed = "page.printedTables().find((table) => table.rows[0].textContent.includes('Front'))"
    page.run(f"{printed}.querySelector('th:nth-child(2) button').click()")
    rates = page.run(f"return Array.from({printed}.tBodies[0].rows).map((r) => r.cells[1].textContent)")
    assert rates == sorted(rates)


def test_axes_metrics_and_categories_change_the_plots_and_live_in_the_address(page):
    labels = page.run(
        "return Array.from(document.querySelectorAll('.plot svg')).map((n) => n.getAttribute('aria-label'))"
    )
    assert labels[0].startswith("Surface error (×10⁻³) against Bytes per shape, 4 points")
    before = texts(page, ".plotted tr[data-key='draco@r1'] td")
    page.click("input[value=humans]")
    page.wait("location.hash.includes('without=humans')")
    assert texts(page, ".plotted tr[data-key='draco@r1'] td") != before
    page.open(page.driver.current_url.partition("#")[0] + "#x=ratio&y=cd&y2=nc")
    labels = page.run(
        "return Array.from(document.querySelectorAll('.plot svg')).map((n) => n.getAttribute('aria-label'))"
    )
    assert labels[0].startswith("CD (×10⁻³) against Compression ratio")
    assert labels[1].startswith("NC against Compression ratio")


def test_the_pointer_and_the_keyboard_get_the_same_answer(page):
    from selenium.webdriver.common.keys import Keys

    page.run("document.querySelector('.plot g.point[data-key=\"draco@r1\"]').focus()")
    tip = page.run("return document.querySelector('.tip').innerText")
    for part in ("Draco, r1", "Bytes per shape", "95 % interval", "shapes from"):
        assert part in tip
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert page.run("return document.querySelector('.tip b').textContent") == "Draco, r2"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait("document.querySelector('.views').dataset.keys === 'draco@r2'")


def test_nothing_stands_out_beyond_a_small_screen(page):
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.wait("document.querySelector('.plot svg').clientWidth < 400")
    assert page.run("return document.documentElement.scrollWidth") <= 400
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
