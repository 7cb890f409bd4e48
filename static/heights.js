/** Where does each line of a long list begin? Only what lines have more than a row is kept, summed by page. Pixels. */
import { PAGE } from "./log.js";

export class Heights {
  constructor() {
    this.length = 0;
    this.clear(1);
  }

  clear(row = this.row) {
    Object.assign(this, { row, pages: [], sums: [] });
  }

  /** Correct one height; true if it was another. */
  set(index, height) {
    const page = Math.floor(index / PAGE);
    const more = (this.pages[page] ??= new Map()).get(index) ?? 0;
    const change = height - this.row - more;
    if (!change) return false;
    this.pages[page].set(index, more + change);
    this.sums[page] = (this.sums[page] ?? 0) + change;
    return true;
  }

  before(index) {
    const page = Math.floor(index / PAGE);
    let top = index * this.row;
    for (let i = 0; i < page; i++) top += this.sums[i] ?? 0;
    for (const [i, more] of this.pages[page] ?? []) if (i < index) top += more;
    return top;
  }

  get total() {
    return this.before(this.length);
  }

  /** The line that covers the position `y`. */
  at(y) {
    let [top, index] = [0, 0];
    const skip = (lines, more = 0) => {
      const next = top + lines * this.row + more;
      if (next > y || index + lines >= this.length) return false;
      [top, index] = [next, index + lines];
      return true;
    };
    while (skip(PAGE, this.sums[index / PAGE]));
    const page = this.pages[index / PAGE];
    while (skip(1, page?.get(index)));
    return index;
  }
}
