"""Chromium without a window, driven by selenium; tests that need it are skipped where it is missing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="Chromium and its chromedriver are not installed"
)

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--window-size=1200,1000"),
)


class Browser:
    """One browser; its user data lie in an empty folder."""

    def __init__(self, folder: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)

    def open(self, address: str) -> None:
        """Open an address afresh and wait until the page is built."""
        self.driver.get("about:blank")
        self.driver.get(address)
        self.wait("document.querySelector('#explorer').dataset.ready")

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def wait(self, expression: str, seconds: float = 120) -> object:
        """Until an expression holds; returns its value."""
        end = time.monotonic() + seconds
        while not (found := self.run(f"return {expression}")):
            assert time.monotonic() < end, f"{expression} did not become true"
            time.sleep(0.05)
        return found

    def click(self, selector: str) -> None:
        """As a person does: scrolled to, in the middle of the element."""
        from selenium.webdriver import ActionChains

        node = self.wait(f"document.querySelector({selector!r})")
        self.run("arguments[0].scrollIntoView({block: 'center'})", node)
        ActionChains(self.driver).move_to_element(node).click().perform()

    def errors(self) -> list[str]:
        """What the console says since the last call, without the notes of the graphics driver."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """Addresses of everything that was asked for since the last call, but for files and what is in the page."""
        import json

        events = [json.loads(line["message"])["message"] for line in self.driver.get_log("performance")]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [address for address in asked if not address.startswith(("data:", "about:", "blob:"))]
