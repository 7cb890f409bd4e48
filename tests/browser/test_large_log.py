"""Is the panel as quick with a million lines, and with twenty thousand a second, as with ten?"""

import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import OpenPanel, box, line_count, wait_for_end
from tests.service import Service

pytestmark = pytest.mark.slow

LINES = 1_000_000
# After the rows of a run of one line: more of that line, with their numbers.
MORE = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :more),
    line AS (SELECT * FROM log WHERE level = 'info' AND step_name = 'flat' LIMIT 1)
    INSERT INTO log (manager_id, seq, event, step_name, job_id, level, line_number, created_at, data)
    SELECT manager_id, :seq + n, event, step_name, job_id, level, :lines + n, created_at,
        replace(replace(data, '"seq":' || seq || ',', '"seq":' || (:seq + n) || ','),
            '"line_number":' || line_number || ',', '"line_number":' || (:lines + n) || ',')
    FROM line, number
"""
LONG_TASKS = """
    window.longest = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask" });
"""
# From setting a place until all rows in sight have their lines: milliseconds.
SCROLL = """async ([box, part]) => {
    const start = performance.now();
    box.scrollTop = box.scrollHeight * part;
    const place = box.getBoundingClientRect();
    for (;;) {
        await new Promise(requestAnimationFrame);
        const rows = [...box.querySelectorAll(".line")].filter((row) => {
            const { top, bottom } = row.getBoundingClientRect();
            return bottom > place.top && top < place.bottom;
        });
        const tall = rows.reduce((sum, row) => sum + row.offsetHeight, 0);
        const right = tall >= box.clientHeight - 1 && rows.every((row) => row.querySelector("time"));
        const number = Number(rows[0]?.querySelector(".number").textContent);
        if (right && Math.abs(number / LINES - part) < 0.01) return performance.now() - start;
        if (performance.now() - start > 10_000) return Infinity;
    }
}""".replace("LINES", str(LINES))
FLOOD = """
    import time
    import anyio
    from jobs import Job, worker

    @worker("flood")
    async def flood(step: Job, seconds: float) -> None:
        start = time.monotonic()
        written = 0
        while (now := time.monotonic() - start) < seconds:
            while written < now * 20_000:
                written += 1
                step.log.info("line %d of the flood, as long as lines are in the logs of others", written)
            await anyio.sleep(0.01)
"""


def fill(service: Service) -> str:
    """A run that has ended, with a million lines, made in the database itself; its id."""
    manager = service.run_to_end("load-test", worker_count=1, log_count=1, log_delay_ms=0, failure_rate=0)
    service.stop()
    with sqlite3.connect(service.db) as db:
        (lines,) = db.execute("SELECT lines FROM steps WHERE name = 'flat'").fetchone()
        seq, more = manager["last_seq"], LINES - lines
        db.execute(MORE, {"more": more, "seq": seq, "lines": lines})
        db.execute(
            "UPDATE steps SET lines = lines + ?, info_lines = info_lines + ? WHERE name = 'flat'", [more] * 2
        )
        db.execute(
            "UPDATE managers SET last_seq = last_seq + ?, info_lines = info_lines + ?",
            [more] * 2,
        )
    db.close()
    service.start()
    return str(manager["id"])


def longest_task(page: Page) -> float:
    longest: float = page.evaluate("window.longest")
    return longest


def test_a_million_lines_open_and_scroll_at_once(service: Service, open_panel: OpenPanel) -> None:
    manager_id = fill(service)
    panel = open_panel(service)
    page = panel.page
    page.add_init_script(LONG_TASKS)
    page.goto(f"{service.url}/#/managers/{manager_id}")
    last = "document.querySelector('.line:last-child:has(time) .number')?.textContent"
    opened = page.wait_for_function(f"() => {last} == {LINES} && performance.now()").json_value()
    lines = box(panel, "flat")
    blank = [
        page.evaluate(SCROLL, [lines.element_handle(), part])
        for part in (0, 0.5, 0.2, 0.9, 0.33, 0.66, 0.999)
    ]
    rows = page.locator(".line").count()
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    heap = devtools.send("Runtime.getHeapUsage")["usedSize"]
    total = sum(service.get(f"/managers/{manager_id}")["log_counts"].values())
    expect(page.locator("main .badge")).to_have_text(f"complete: {total:,} of {total:,} lines")

    assert rows <= 300
    assert heap < 150e6
    assert max(opened, *blank) < 5_000, "far more than on a machine that does nothing else"


def test_wheels_and_keys_pass_every_line_of_a_list_taller_than_a_browser_can(
    service: Service, open_panel: OpenPanel
) -> None:
    manager_id = fill(service)
    panel = open_panel(service)
    page = panel.open(f"#/managers/{manager_id}/flat/L500000")
    lines = box(panel, "flat")
    expect(panel.step("flat").locator(".line.marked")).to_be_in_viewport()
    lines.hover()
    before = panel.numbers("flat")
    for _ in range(10):
        page.mouse.wheel(0, 200)
        page.wait_for_function(
            "([box, seen]) => Number(box.querySelector('.number').textContent) > seen",
            arg=[lines.element_handle(), before[0]],
        )
        after = panel.numbers("flat")
        assert after[0] < before[-1], "no line was skipped"
        before = after
    lines.press("Home")
    expect(panel.step("flat").locator(".number").first).to_have_text("1")
    lines.press("End")
    expect(panel.step("flat").locator(".number").last).to_have_text(str(LINES))


def test_a_flood_leaves_the_page_responsive(
    make_service: Callable[..., Service], open_panel: OpenPanel
) -> None:
    service = make_service()
    service.add_workers("flood", FLOOD)
    service.define("flood", 'name = "Flood"\n[step.flood]\ntype = "flood"\nseconds = 5.0\n')
    panel = open_panel(service.start())
    panel.page.add_init_script(LONG_TASKS)
    page = panel.open()
    manager_id = panel.run("Flood")
    expect(box(panel, "flood").locator(".line").first).to_be_visible()
    panel.step("flood").get_by_role("button", name="flood", exact=True).focus()
    wait_for_end(panel)
    total = service.get(f"/managers/{manager_id}")["steps"][0]["lines"]
    assert line_count(panel, "flood") == total > 50_000
    numbers = panel.numbers("flood")
    assert numbers == list(range(numbers[0], total + 1))
    assert longest_task(page) < 5_000, "far more than on a machine that does nothing else"
