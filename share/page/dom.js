/* dom: making and changing elements. What others wrote becomes text, never markup: nothing here, or anywhere on this page, parses HTML. */

export const byId = (id) => document.getElementById(id);

/* el("li", { class: "card" }, "text", node, …); attributes that are null or false are left out. */
export function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
        setAttribute(node, name, value);
    node.append(...children.filter((child) => child !== null));
    return node;
}

export function setText(node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}

export function setAttribute(node, name, value) {
    if (value === null || value === undefined || value === false)
        node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value))
        node.setAttribute(name, value === true ? "" : value);
}

/* Only addresses of the web: a board that is told to be "javascript:…" gets no link. */
export function setLink(anchor, address) {
    setAttribute(anchor, "href", /^https?:\/\//i.test(address ?? "") ? address : null);
}

/* Makes these nodes, in this order, the children of parent. Those that are in their place are not touched, so that they keep their state. */
export function arrange(parent, nodes) {
    const wanted = new Set(nodes);
    for (const node of [...parent.children])
        if (!wanted.has(node))
            node.remove();
    let at = parent.firstElementChild;
    for (const node of nodes) {
        if (node === at)
            at = at.nextElementSibling;
        else
            parent.insertBefore(node, at);
    }
}

/* A list of rows that are known by a key: rows.update(items) makes, changes, moves and removes no more than it must. */
export class Rows {
    constructor(parent, key, make, update) {
        Object.assign(this, { parent, key, make, update, kept: new Map() });
    }

    show(items) {
        const fresh = new Map();
        for (const item of items) {
            const key = this.key(item);
            const node = this.kept.get(key) ?? this.make(item);
            this.update(node, item);
            fresh.set(key, node);
        }
        this.kept = fresh;
        arrange(this.parent, [...fresh.values()]);
    }
}

/* Runs change() and gives the focus back to who had it, when moving its element has taken it away. */
export function keepingFocus(change) {
    const focused = document.activeElement;
    change();
    if (focused && focused !== document.activeElement && focused.isConnected)
        focused.focus({ preventScroll: true });
}
