"""What does a test do with the panel in a browser, and what does it read there?"""

import re
from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.service_process import Service


class Panel:
    """The panel of a service in a page of its own.

    Every error on the console, violations of the content security policy included, and every exception of a
    script is a complaint; a test says which ones it provokes.
    """

    def __init__(self, page: Page, service: Service) -> None:
        self.page = page
        self.service = service
        self.expected: list[str] = []
        self._complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def complaints(self) -> list[str]:
        """What the browser found wrong, apart from what was expected."""
        return [one for one in self._complaints if not any(re.search(each, one) for each in self.expected)]

    def open(self, place: str = "") -> Page:
        """Load it; `place` is what follows the # of its address."""
        self.page.goto(f"{self.service.url}/{place}")
        self.page.wait_for_selector(".definitions")
        return self.page

    def run(self, name: str, **params: object) -> str:
        """Press Run on the definition of this name; the new manager's id."""
        before = self.page.url
        card = self.page.locator(".definitions li").filter(has_text=name)
        if params:
            card.get_by_text("Parameters").click()
        for key, value in params.items():
            card.get_by_label(key, exact=True).fill(str(value))
        card.get_by_role("button", name="Run").click()
        self.page.wait_for_url(lambda url: url != before)
        return self.page.url.rpartition("/")[2]

    def choose(self, manager_id: str) -> None:
        """Go to a run from the list, where it appears by itself."""
        self.page.locator(f".managers a[href$='/{manager_id}']").click()

    def numbers(self, step: str) -> list[int]:
        """The numbers of the lines that are drawn for a step."""
        return [int(text) for text in self.step(step).locator(".number").all_inner_texts()]

    def step(self, name: str) -> Locator:
        """The section of a step."""
        return self.page.get_by_role("region", name=name, exact=True)


OpenPanel = Callable[..., Panel]
LOG_AT_ONCE = {"log_delay_ms": 0, "failure_rate": 0}
SLOWLY = {"worker_count": 1, "log_count": 600, "log_delay_ms": 20, "failure_rate": 0, "recursion_depth": 0}


def box(panel: Panel, step: str) -> Locator:
    return panel.step(step).get_by_role("log")


def line_count(panel: Panel, step: str) -> int:
    found = re.search(r"([\d,]+) lines?", panel.step(step).locator(".facts").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def step_lines(service: Service, manager_id: str, name: str) -> int:
    steps = service.get(f"/managers/{manager_id}")["steps"]
    lines: int = next(step["lines"] for step in steps if step["name"] == name)
    return lines


def wait_for_more_lines(panel: Panel, step: str, more: int = 1) -> int:
    """Wait until a step has `more` lines than now; how many it has then."""
    wanted = line_count(panel, step) + more
    panel.page.wait_for_function(
        "([step, wanted]) => Number(document.querySelector(`section[aria-label='${step}'] .facts`)"
        "?.textContent.match(/([\\d,]+) line/)?.[1].replaceAll(',', '') ?? 0) >= wanted",
        arg=[step, wanted],
    )
    return line_count(panel, step)


def distance_to_end(list_: Locator) -> float:
    distance: float = list_.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop")
    return distance


def grant_notices(page: Page) -> None:
    """From the next page on, the browser's notices are allowed, and gathered in `told`."""
    page.add_init_script(
        "window.told = []; window.Notification = class { constructor(text) { told.push(text) }"
        " static requestPermission() { return Promise.resolve('granted') } }"
    )


def wait_for_end(panel: Panel) -> None:
    expect(panel.page.locator("main .badge")).to_contain_text("complete: ", timeout=30_000)
