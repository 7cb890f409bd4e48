/**
 * Where does each line of a long list begin? Heights are estimated, corrected once a line was drawn, and summed
 * up lazily from the first one that changed. Pixels.
 */
export class Heights {
  constructor() {
    this.height = [];
    this.top = [0];
    this.valid = 0; // top[0 … valid] are right
  }

  get length() {
    return this.height.length;
  }

  push(height) {
    this.height.push(height);
  }

  /** Correct one height; true if it was another. */
  set(index, height) {
    if (this.height[index] === height) return false;
    this.height[index] = height;
    this.valid = Math.min(this.valid, index);
    return true;
  }

  clear() {
    this.height.length = 0;
    this.valid = 0;
  }

  before(index) {
    for (; this.valid < index; this.valid++) this.top[this.valid + 1] = this.top[this.valid] + this.height[this.valid];
    return this.top[index];
  }

  get total() {
    return this.before(this.length);
  }

  /** The line that covers the position `y`. */
  at(y) {
    this.before(this.length);
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }
}
