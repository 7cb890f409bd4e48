"""How quick is the panel with a log of a million lines, and while twenty thousand come every second?"""

import sqlite3

from playwright.sync_api import Locator, Page

from jobs.store.schema import MARK_EVERY
from tests.service_process import Service

LINES = 1_000_000
RATE = 20_000  # lines a second
PLACES = (0, 0.5, 0.2, 0.9, 0.33, 0.66, 0.999)  # of the whole log
# After the rows of a run of one line: more of that line, with their numbers, and with their marks.
MORE = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :more),
    line AS (SELECT * FROM log WHERE level = 'info' AND step_name = 'flat' LIMIT 1)
    INSERT INTO log (manager_id, seq, event, step_name, job_id, level, line_number, created_at, data)
    SELECT manager_id, :seq + n, event, step_name, job_id, level, :lines + n, created_at,
        replace(replace(data, '"seq":' || seq || ',', '"seq":' || (:seq + n) || ','),
            '"line_number":' || line_number || ',', '"line_number":' || (:lines + n) || ',')
    FROM line, number
"""
MARKS = """
    INSERT INTO line_marks (manager_id, step_name, line_number, seq, info_lines)
    SELECT manager_id, step_name, line_number, seq, line_number - 1 FROM log
    WHERE seq > ? AND line_number % ? = 1
"""
WATCH = """
    window.longest = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask" });
"""
# The last line is drawn, with what it says.
OPENED = """() => document.querySelector('.line:last-child:has(time) .number')?.textContent == LINES
    && performance.now()""".replace("LINES", str(LINES))
# From setting a place until all rows in sight have their lines.
SCROLL = """async (box, part) => {
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
WORKERS = f"""
    import time
    import anyio
    from jobs import Job, worker

    @worker("flood")
    async def flood(step: Job, seconds: float) -> None:
        start = time.monotonic()
        written = 0
        while (now := time.monotonic() - start) < seconds:
            while written < now * {RATE}:
                written += 1
                step.log.info("line %d of the flood, as long as lines are in the logs of others", written)
            await anyio.sleep(0.01)
"""


def fill(service: Service) -> str:
    """A run that has ended, of a million lines, made in the database itself; its id."""
    manager = service.run_to_end("load-test", worker_count=1, log_count=1, log_delay_ms=0, failure_rate=0)
    service.stop()
    with sqlite3.connect(service.db) as db:
        (lines,) = db.execute("SELECT lines FROM steps WHERE name = 'flat'").fetchone()
        seq, more = manager["last_seq"], LINES - lines
        db.execute(MORE, {"more": more, "seq": seq, "lines": lines})
        db.execute(MARKS, (seq, MARK_EVERY))
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


def define_flood(service: Service) -> None:
    """A definition of five seconds for the worker type `flood`."""
    service.define("flood", 'name = "Flood"\n[step.flood]\ntype = "flood"\nseconds = 5.0\n')


def open_log(page: Page, address: str) -> float:
    """Open a run; milliseconds from the navigation until its last line is drawn."""
    page.goto(address)
    took: float = page.wait_for_function(OPENED).json_value()
    return took


def jump(lines: Locator) -> list[float]:
    """Jump to and fro; each time milliseconds until the lines that belong there fill the box."""
    return [lines.evaluate(SCROLL, part) for part in PLACES]


def watch_tasks(page: Page) -> None:
    """From the next page on, note how long tasks take."""
    page.add_init_script(WATCH)


def longest_task(page: Page) -> float:
    """Of all since the page was opened, in milliseconds; 0 if none took 50."""
    longest: float = page.evaluate("window.longest")
    return longest


def heap(page: Page) -> int:
    """What scripts hold, in bytes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    size: int = devtools.send("Runtime.getHeapUsage")["usedSize"]
    return size
