"""What does the panel look like? ``python -m tests.browser.pictures`` takes the pictures of the docs.

A real service in a folder of its own runs the shipped definitions, once light and once dark.
"""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.chromium import chromium
from tests.service import ROOT, Service

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 760}
LARGEST = 200_000  # bytes
# The signs of what runs turn without end.
BARS_AT_REST = """Promise.all(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().iterations < Infinity)
    .map(one => one.finished.catch(() => {})))"""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take(browser: Browser, service: Service, scheme: Literal["light", "dark"]) -> Path:
    """A run of the example that has ended, and one of the load test in the middle of its work."""
    service.run_to_end("nearby-restaurants")
    manager_id = service.run("load-test", worker_count=20, log_count=60, log_delay_ms=60)
    page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]}, color_scheme=scheme)
    page.goto(f"{service.url}/#/managers/{manager_id}")
    page.locator("main").get_by_text("8 running, 6 completed, 2 failed").wait_for()
    page.evaluate(BARS_AT_REST)
    page.mouse.move(0, 0)
    path = PICTURES / f"panel-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def main() -> None:
    """Take both pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for scheme in SCHEMES:
            with tempfile.TemporaryDirectory() as folder:
                service = Service(Path(folder)).start()
                try:
                    path = take(browser, service, scheme)
                finally:
                    service.stop()
            if path.stat().st_size > LARGEST:
                raise SystemExit(f"{path} is too large: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
