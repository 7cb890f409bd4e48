/** How is a log of a million lines shown? Rows in sight exist; a line is taken for one row high until it is drawn. */
import { Reading, settings } from "./log.js";
import { h, keyed, lineRow, plural, write } from "./page.js";

const AHEAD = 10; // rows
const MEASURED = 10_000; // lines
const HIGHEST = 15_000_000; // pixels that browsers can place

export class LineList {
  constructor(log, { label, mark, href }) {
    Object.assign(this, { log, mark, href, rows: [], follow: true, seen: 0, marked: null, wanted: null });
    Object.assign(this, { top: 0, offset: 0, heights: new Heights() }); // offset: in a list taller than the box
    this.block = h("div.rows", { click: (event) => this.clicked(event) });
    this.space = h("div.space", this.block);
    this.box = h("div.lines", {
      role: "log", "aria-live": "off", "aria-label": label, tabindex: 0,
      scroll: () => this.scrolled(), keydown: (event) => this.typed(event),
    }, this.space);
    this.more = h("button.more", { hidden: true, click: () => this.resume() });
    this.reading = new Reading(this);
    this.element = h("div.log", this.reading.element, h("div.frame", this.box, this.more));
    new ResizeObserver(() => this.soon()).observe(this.box);
    new IntersectionObserver((seen) => {
      this.far = !seen.at(-1).isIntersecting; // a busy page hears of several at once
      this.soon();
    }, { rootMargin: "50%" }).observe(this.box);
  }

  draw(since = this.since) {
    const { count, pages } = this.log;
    if (!this.box.offsetParent) return;
    if (this.far) return this.fill(0, 0);
    const look = [this.box.clientWidth, settings.wrap, settings.relative && since].join();
    if (look !== this.look || pages !== this.pages) this.renew(look, since, pages);
    this.heights.length = count;
    this.reveal();
    this.place();
    if (this.follow) this.seen = count;
    this.more.hidden = this.seen >= count;
    write(this.more, `${plural(count - this.seen, "new line")} ↓`);
    this.reading.draw();
  }

  renew(look, since, pages) {
    if (this.pages && pages !== this.pages) Object.assign(this, { follow: true, seen: 0, offset: 0 });
    Object.assign(this, { look, since, pages });
    this.fill(0, 0);
    this.box.classList.toggle("unwrapped", !settings.wrap);
    const style = getComputedStyle(this.box);
    this.heights.clear(parseFloat(style.lineHeight) * style.getPropertyValue("--rows"));
  }

  reach() {
    const { total } = this.heights;
    this.space.style.height = `${Math.min(total, HIGHEST)}px`;
    return [Math.min(total, HIGHEST), total].map((height) => Math.max(1, height - this.box.clientHeight));
  }

  /** A pass draws with the heights that the one before has measured. */
  place() {
    for (let pass = 0; pass < 4; pass++) {
      if (this.follow) this.go(Infinity);
      else this.reach();
      const top = this.box.scrollTop + this.offset;
      const anchor = this.heights.at(top);
      const first = Math.max(0, anchor - AHEAD);
      const last = Math.min(this.log.count, this.heights.at(top + this.box.clientHeight) + 1 + AHEAD);
      this.log.want(first, last);
      this.fill(first, last);
      this.block.style.transform = `translateY(${this.heights.before(first) - this.offset}px)`;
      const before = this.heights.before(anchor);
      const tall = this.rows.map((row) => row.offsetHeight); // all reads first: one layout
      if (!this.rows.map((row, i) => this.heights.set(row.index, tall[i])).some(Boolean)) break;
      if (!this.follow) this.box.scrollTop += this.heights.before(anchor) - before;
    }
    this.top = this.box.scrollTop;
  }

  go(top) {
    const [box, list] = this.reach();
    top = Math.max(0, Math.min(list, top));
    this.box.scrollTop = box < list ? (top / list) * box : top;
    this.top = this.box.scrollTop; // as it was rounded
    this.offset = box < list ? top - this.top : 0;
  }

  fill(first, last) {
    const indices = Array.from({ length: last - first }, (_, i) => first + i);
    keyed(this.block, indices, (i) => `${i} ${this.log.at(i) && "is here"}`, (i) => this.make(i, this.log.at(i)),
      (row) => row.classList.toggle("marked", this.isMarked(row)));
    this.rows = [...this.block.children];
  }

  make(index, line) {
    const row = line ? lineRow(line, this.href, settings.relative && this.since)
      : h("div.line.dim", h("span.number", !this.log.filtered && index + 1),
        h("span.message", line === null ? "no longer kept" : "…"));
    return Object.assign(row, { index, line });
  }

  isMarked({ line }) {
    return Boolean(this.marked && line?.line_number >= this.marked.from && line.line_number <= this.marked.to);
  }

  show(range, { scroll }) {
    this.marked = range;
    if (scroll) {
      this.wanted = range?.from ?? null;
      if (range && this.log.filtered) this.log.filter(null, null);
    }
    this.soon();
  }

  reveal() {
    if (this.wanted === null || this.log.count < this.wanted) return;
    const top = this.heights.before(this.wanted - 1);
    this.wanted = null;
    this.follow = false;
    this.seen = Math.max(this.seen, this.log.count);
    this.go(top - this.box.clientHeight / 3);
    this.box.scrollIntoView({ block: "nearest" });
  }

  /** Any place but where the list scrolled to by itself is where the reader went. */
  scrolled() {
    const { scrollTop, clientHeight } = this.box;
    if (!clientHeight) return;
    const [box, list] = this.reach();
    const moved = scrollTop - this.top;
    if (moved < -1) {
      if (this.follow) this.seen = this.log.count;
      this.follow = false;
    } else if (moved > 0 && scrollTop >= box - 4) this.follow = true;
    // Thrown far, as far in the list as in the box; else as many pixels.
    this.thrown ||= box < list && Math.abs(moved) > 3 * clientHeight;
    if (this.thrown) this.offset = scrollTop * (list / box - 1);
    this.top = scrollTop;
    this.soon();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      const [box, list] = this.reach();
      this.thrown = false; // the box must not end before the list
      if (box < list && !this.follow) this.go(this.box.scrollTop + this.offset);
    }, 200);
  }

  soon() {
    this.again ??= requestAnimationFrame(() => {
      this.again = undefined;
      this.draw();
    });
  }

  resume() {
    this.follow = true;
    this.draw();
    this.box.focus();
  }

  clicked(event) {
    const { line } = event.target.closest(".line") ?? {};
    if (event.target.closest(".tag")) this.reading.filter(this.log.level, line.job_id);
    if (!event.target.closest("a.number") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { line_number: number } = line;
    const start = event.shiftKey && this.marked ? this.marked.from : number;
    this.mark({ from: Math.min(start, number), to: Math.max(start, number) });
  }

  typed(event) {
    const end = { Home: 0, End: Infinity }[event.key]; // at once: a glide there would be taken for a reader's scrolling
    if (end !== undefined) {
      event.preventDefault();
      this.follow = end > 0;
      this.go(end);
      return this.draw();
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !event.shiftKey) return;
    event.preventDefault();
    const marked = this.rows.findIndex((row) => this.isMarked(row));
    const top = this.rows.findIndex(({ index }) => index >= this.heights.at(this.box.scrollTop + this.offset));
    const row = this.rows[marked < 0 ? top : marked + by];
    if (row?.line) this.mark({ from: row.line.line_number, to: row.line.line_number });
    row?.scrollIntoView({ block: "nearest" });
  }
}

/** In pixels; only of lines that are not one row high. */
export class Heights {
  length = 0;
  row = 1;
  more = new Map();

  clear(row) {
    Object.assign(this, { row, more: new Map() });
  }

  set(index, height) {
    const more = height - this.row;
    if ((this.more.get(index) ?? 0) === more) return false;
    this.more.set(index, more);
    if (this.more.size > MEASURED) this.more.delete(this.more.keys().next().value);
    return true;
  }

  before(index) {
    let top = index * this.row;
    for (const [i, more] of this.more) if (i < index) top += more;
    return top;
  }

  get total() {
    return this.before(this.length);
  }

  at(y) {
    let [low, high] = [0, this.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.before(middle) <= y) low = middle;
      else high = middle;
    }
    return low;
  }
}
