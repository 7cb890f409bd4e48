"""What does the panel look like? ``python -m tests.browser.pictures`` takes the pictures of the docs.

A real service in a folder of its own runs the shipped example; the same moment is taken light and dark.
"""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS, chromium
from tests.service import ROOT, Service

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 760}
LARGEST = 200_000  # bytes
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take(browser: Browser, service: Service, scheme: Literal["light", "dark"]) -> Path:
    """Press Run on the example, wait for its receipt, and save what the window shows."""
    page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]}, color_scheme=scheme)
    page.goto(f"{service.url}/")
    page.get_by_role("button", name="Run Nearby restaurants").click()
    page.locator("main .badge.good").wait_for()
    page.locator(".managers a[aria-current].completed").wait_for()
    # Names in scripts that every machine has a font for; and let the bars come to rest.
    page.get_by_role("log", name="Lines of search_nearby_restaurants").evaluate(
        "box => { box.scrollTop = 300 }"
    )
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => {})))")
    page.mouse.move(0, 0)
    path = PICTURES / f"panel-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def main() -> None:
    """Take both pictures."""
    program = chromium()
    if program is None:
        raise SystemExit("no Chromium is installed")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            for scheme in SCHEMES:
                path = take(browser, service, scheme)
                if path.stat().st_size > LARGEST:
                    raise SystemExit(f"{path} is too large: {path.stat().st_size} bytes")
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main()
