/** The element with an id. Throws if the page has none of this type. */
export function find<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no element ${id}`);
}

/** The first element inside another one that a selector finds. Throws if there is none of this type. */
export function within<E extends HTMLElement>(parent: HTMLElement, selector: string, type: new () => E): E {
  const element = parent.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`the page has no element ${selector}`);
}

/** Shows a message with a list of details in a box. */
export function showProblem(box: HTMLElement, message: string, details: readonly string[]): void {
  const list = make('ul');
  list.append(...details.map((detail) => make('li', { textContent: detail })));
  box.replaceChildren(message, ...(details.length > 0 ? [list] : []));
  box.hidden = false;
}

/** A new element with these properties. */
export function make<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  properties: Partial<HTMLElementTagNameMap[T]> = {},
): HTMLElementTagNameMap[T] {
  return Object.assign(document.createElement(tag), properties);
}
