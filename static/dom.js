/**
 * How are elements made? Text only ever becomes a text node, so nothing that a job logs is read as markup.
 */
export const h = (tag, ...rest) => filled(document.createElement(tag), ...rest);
/** The same of a drawing. */
export const s = (tag, ...rest) => filled(document.createElementNS("http://www.w3.org/2000/svg", tag), ...rest);

function filled(element, attributes, ...children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => (child ?? false) !== false));
  return element;
}

/** Write only what changed: an untouched node keeps the reader's selection and costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value == null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/**
 * Bring the children of `parent` in line with `items`, reusing the element made for the same key.
 * `update(element, item)` runs for all of them; elements whose key is gone are removed.
 */
export function keyed(parent, items, { key, make, update }) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let previous = null;
  for (const item of items) {
    const id = String(key(item));
    let element = known.get(id);
    known.delete(id);
    if (!element) {
      element = make(item);
      element.dataset.key = id;
    }
    const place = previous ? previous.nextElementSibling : parent.firstElementChild;
    if (place !== element) parent.insertBefore(element, place);
    update?.(element, item);
    previous = element;
  }
  for (const gone of known.values()) gone.remove();
}
