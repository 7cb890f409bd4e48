/**
 * How is a step of twenty thousand lines shown with a few dozen elements? Only the rows in sight exist; they
 * flow inside one block that is moved to where they belong. Line breaks are kept and long lines wrap, so
 * heights differ: they are estimated and put right when drawn.
 */
import { h, setText } from "./dom.js";
import { clockTime, plural } from "./format.js";
import { Heights } from "./heights.js";

const AHEAD = 10; // rows drawn above and below what is in sight
const HIGHEST = 15_000_000; // pixels; browsers misplace things in taller elements
const LEVELS = { debug: "DEBUG", info: "INFO", warning: "WARN", error: "ERROR" };

export class LineList {
  /**
   * @param {{label: string, mark: (range: {from: number, to: number}) => void,
   *          href: (number: number) => string}} options
   */
  constructor({ label, mark, href }) {
    Object.assign(this, { mark, href, lines: [], rows: [], follow: true, seen: 0, marked: null, wanted: null });
    this.heights = new Heights();
    this.skipped = 0; // the oldest lines, when all together would be too tall
    this.block = h("div", { class: "rows", click: (event) => this.clicked(event) });
    this.space = h("div", { class: "space" }, this.block);
    this.box = h("div", {
      class: "lines", role: "log", "aria-live": "off", "aria-label": label, tabindex: "0",
      scroll: () => this.scrolled(), keydown: (event) => this.typed(event),
    }, this.space);
    this.more = h("button", { type: "button", class: "more", hidden: true, click: () => this.resume() });
    this.element = h("div", { class: "log" }, this.box, this.more);
    this.width = 0;
    this.top = 0;
    new ResizeObserver(() => this.soon()).observe(this.box); // unfolded, or another width
  }

  /** Show `lines`; called once a frame at most. Does nothing costly while the list is folded away. */
  draw(lines = this.lines) {
    if (lines !== this.lines) this.clear(lines);
    if (!this.box.offsetParent) return;
    this.measureWidth();
    while (this.heights.length < lines.length) this.heights.push(this.estimate(lines[this.heights.length]));
    this.reveal();
    this.place();
    if (this.follow) this.seen = lines.length;
    const unseen = lines.length - this.seen;
    this.more.hidden = unseen === 0;
    if (unseen) setText(this.more, `${plural(unseen, "new line")} ↓`);
  }

  clear(lines) {
    this.lines = lines;
    this.heights.clear();
    this.drop(this.rows.splice(0));
    this.seen = 0;
  }

  measureWidth() {
    const width = this.box.clientWidth;
    if (width === this.width) return;
    this.width = width;
    const style = getComputedStyle(this.box);
    this.row = parseFloat(style.lineHeight);
    this.narrow = style.getPropertyValue("--narrow").trim() === "1";
    // The width of one letter, and what stands before the message; see .line in the style sheet.
    this.letter = parseFloat(style.fontSize) * 0.6;
    this.columns = Math.max(8, Math.floor((width - (this.narrow ? 24 : 300)) / this.letter));
    this.heights.clear();
    this.skipped = 0;
  }

  estimate({ message }) {
    let rows = this.narrow ? 1 : 0;
    if (message.length <= this.columns && !message.includes("\n")) return (rows + 1) * this.row;
    for (const text of message.split("\n")) rows += Math.max(1, Math.ceil(text.length / this.columns));
    return rows * this.row;
  }

  /** A pass draws with the heights that the one before has measured; nearly always the second changes nothing. */
  place() {
    for (let pass = 0; pass < 4; pass++) {
      this.skip();
      this.space.style.height = `${this.heights.total - this.heights.before(this.skipped)}px`;
      if (this.follow) this.box.scrollTop = this.box.scrollHeight;
      const offset = this.heights.before(this.skipped);
      const top = this.box.scrollTop + offset;
      const anchor = this.heights.at(top);
      const first = Math.max(this.skipped, anchor - AHEAD);
      const last = Math.min(this.lines.length, this.heights.at(top + this.box.clientHeight) + 1 + AHEAD);
      this.fill(first, last);
      this.block.style.transform = `translateY(${this.heights.before(first) - offset}px)`;
      const before = this.heights.before(anchor);
      if (!this.correct()) break;
      if (!this.follow) this.box.scrollTop += this.heights.before(anchor) - before;
    }
    this.top = this.box.scrollTop;
  }

  skip() {
    const tooMuch = this.heights.total - HIGHEST;
    // A million pixels more than needed: not a little for every further line.
    if (tooMuch > this.heights.before(this.skipped)) this.skipped = this.heights.at(tooMuch + 1_000_000);
  }

  correct() {
    const tall = this.rows.map((row) => row.offsetHeight); // all reads first: one layout
    return this.rows.map((row, i) => this.heights.set(row.index, tall[i])).some(Boolean);
  }

  /** Make the drawn rows exactly first … last-1; those that stay keep their element and the reader's selection. */
  fill(first, last) {
    const gone = [];
    while (this.rows.length && this.rows[0].index < first) gone.push(this.rows.shift());
    while (this.rows.length && this.rows.at(-1).index >= last) gone.push(this.rows.pop());
    this.drop(gone);
    const above = [];
    const start = this.rows[0]?.index ?? last;
    for (let i = first; i < start; i++) above.push(this.make(i));
    const below = [];
    for (let i = (this.rows.at(-1)?.index ?? last - 1) + 1; i < last; i++) below.push(this.make(i));
    this.block.prepend(...above);
    this.block.append(...below);
    this.rows = [...above, ...this.rows, ...below];
  }

  drop(rows) {
    for (const row of rows) row.remove();
  }

  make(index) {
    const { number, at, level, message, tag } = this.lines[index];
    const row = h("div", { class: `line ${level}` },
      h("a", { class: "number", href: this.href(number), tabindex: "-1", title: "Link to this line" }, number),
      h("time", { datetime: at }, clockTime(at, { millis: true })),
      h("span", { class: "level" }, LEVELS[level] ?? level),
      h("span", { class: "tag", title: tag && `worker job ${tag}` }, tag && `#${tag}`),
      h("span", { class: "message" }, message));
    row.index = index;
    row.classList.toggle("marked", this.isMarked(number));
    return row;
  }

  isMarked(number) {
    return this.marked !== null && number >= this.marked.from && number <= this.marked.to;
  }

  /** Mark a range; `scroll` brings it into sight, as soon as it has arrived. Null takes the mark away. */
  show(range, { scroll }) {
    this.marked = range;
    if (scroll) this.wanted = range?.from ?? null;
    for (const row of this.rows) row.classList.toggle("marked", this.isMarked(this.lines[row.index].number));
  }

  reveal() {
    const last = this.lines.at(-1)?.number ?? 0;
    if (this.wanted === null || last < this.wanted) return;
    const index = this.find(this.wanted);
    this.wanted = null;
    this.follow = false;
    this.seen = Math.max(this.seen, this.lines.length);
    this.space.style.height = `${this.heights.total - this.heights.before(this.skipped)}px`;
    const offset = this.heights.before(index) - this.heights.before(this.skipped);
    this.box.scrollTop = Math.max(0, offset - this.box.clientHeight / 3);
  }

  /** The first line of this number or above: numbers rise, and only a gap makes them jump. */
  find(number) {
    let [low, high] = [0, this.lines.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle].number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The list notes where it scrolled to by itself; any other place is where the reader went. */
  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    if (clientHeight === 0) return; // folded before the event came: its 0 is nobody's scrolling
    if (scrollTop < this.top - 1) {
      if (this.follow) this.seen = this.lines.length;
      this.follow = false;
    } else if (scrollTop > this.top && scrollTop + clientHeight >= scrollHeight - 4) this.follow = true;
    this.top = scrollTop;
    this.soon();
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
    const row = event.target.closest(".number")?.parentElement;
    if (!row || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { number } = this.lines[row.index];
    const start = event.shiftKey && this.marked ? this.marked.from : number;
    this.mark({ from: Math.min(start, number), to: Math.max(start, number) });
  }

  /** Shift and an arrow move the mark, so that a line can be linked to without a mouse. */
  typed(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !event.shiftKey || !this.lines.length) return;
    event.preventDefault();
    const at = this.marked ? this.find(this.marked.from) + by : this.heights.at(this.box.scrollTop);
    const { number } = this.lines[Math.max(0, Math.min(this.lines.length - 1, at))];
    this.mark({ from: number, to: number });
  }
}
