// Returns what is wrong with the layout of the present page, as sentences. Read by looking.py.
({ touch }) => {
  const found = [];
  const root = document.documentElement;
  const NEAR = 1; // a pixel of rounding is nobody's fault

  const name = (element) => {
    const own = element.tagName.toLowerCase() + (element.id ? `#${element.id}` : "")
      + (element.getAttribute("class") || "").split(/\s+/).filter(Boolean).map((c) => `.${c}`).join("");
    return `${own} "${(element.textContent || element.value || "").trim().slice(0, 40)}"`;
  };
  const style = (element) => getComputedStyle(element);
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getClientRects().length > 0;
  // For screen readers only: a single pixel, or the link that waits above the page for the focus.
  const unseen = (element) => {
    if (element.closest(".skip:not(:focus)")) return true;
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      if (style(e).clipPath !== "none" && e.clientWidth <= 1) return true;
    }
    return false;
  };
  // What floats above the page may lie over it: open menus, dialogs, the bar that sticks.
  const floats = (element) => {
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      if (["fixed", "sticky"].includes(style(e).position) || e.matches(":popover-open, dialog")) return e;
    }
    return null;
  };
  // Inside something that scrolls by itself, being further right is what it is for.
  const scrolls = (element) => {
    for (let e = element.parentElement; e && e !== document.body; e = e.parentElement) {
      if (["auto", "scroll"].includes(style(e).overflowX) && e.scrollWidth > e.clientWidth) return true;
    }
    return false;
  };

  if (root.scrollWidth > root.clientWidth + NEAR) {
    found.push(`the page scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  }

  const everything = [...document.body.querySelectorAll("*")].filter((e) => shown(e) && !unseen(e));

  for (const element of everything) {
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > root.clientWidth + NEAR || box.left < -NEAR) && !scrolls(element)) {
      found.push(`stands out of the page: ${name(element)} ${Math.round(box.left)}..${Math.round(box.right)}`);
    }
    // What is typed scrolls within its field; a list of choices is drawn by the browser.
    if (element instanceof SVGElement || element.matches("input, select")) continue;
    const look = style(element);
    const clips = ["hidden", "clip"].includes(look.overflowX) || ["hidden", "clip"].includes(look.overflowY);
    const dots = look.textOverflow === "ellipsis";
    if (clips && !dots && (element.scrollWidth > element.clientWidth + NEAR || element.scrollHeight > element.clientHeight + NEAR)) {
      found.push(`is cut: ${name(element)} ${element.scrollWidth}x${element.scrollHeight} in ${element.clientWidth}x${element.clientHeight}`);
    }
    if (element.matches("button, .button, .pill, .menu-item") && element.scrollWidth > element.clientWidth + NEAR && !clips) {
      found.push(`its text does not fit: ${name(element)}`);
    }
  }

  // A text is where it can be seen: what an ellipsis or a scrolling list hides lies upon nothing.
  const seen = (element, box) => {
    const found = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      if (style(e).overflowX === "visible" || style(e).display === "inline") continue;
      const edge = e.getBoundingClientRect();
      found.left = Math.max(found.left, edge.left);
      found.right = Math.min(found.right, edge.right);
      found.top = Math.max(found.top, edge.top);
      found.bottom = Math.min(found.bottom, edge.bottom);
    }
    return found;
  };

  // Texts and controls: none lies upon another.
  const pieces = [];
  for (const element of everything) {
    if (element.closest("svg") && element.tagName !== "svg") continue;
    if (element.matches("input:not([type=hidden]), select, textarea, button, .icon, img")) {
      pieces.push({ element, box: seen(element, element.getBoundingClientRect()) });
    }
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) if (box.width > 1) pieces.push({ element, box: seen(element, box) });
    }
  }
  const inside = (a, b) => a.element !== b.element && (a.element.contains(b.element) || b.element.contains(a.element));
  // An icon inside a field, and the hint of a key there, are meant to stand in it.
  const placed = (a) => a.element.matches(".query-field > *, .query-field .icon *");
  pieces.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < pieces.length; i += 1) {
    for (let j = i + 1; j < pieces.length && pieces[j].box.top < pieces[i].box.bottom - NEAR; j += 1) {
      const [a, b] = [pieces[i], pieces[j]];
      if (a.element === b.element || inside(a, b) || placed(a) || placed(b)) continue;
      if (floats(a.element) !== floats(b.element)) continue;
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Lines may touch: their boxes are higher than their letters.
      if (wide > 2 && high > 4) found.push(`overlap: ${name(a.element)} and ${name(b.element)}`);
    }
  }

  // Targets. Source: WCAG 2.5.8 (24 px; links inside a sentence are excepted), B8 for touch (44 px).
  const inSentence = (element) => style(element).display === "inline"
    && [...element.parentElement.childNodes].some((n) => n !== element && n.nodeType === Node.TEXT_NODE && n.data.trim());
  const targets = everything.filter((e) => e.matches("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=option]"));
  for (const element of targets) {
    if (element.matches("a") && inSentence(element)) continue;
    const aim = element.matches("[type=checkbox], [type=radio]") ? element.closest("label") || element : element;
    const box = aim.getBoundingClientRect();
    const control = touch && element.matches("button, input, select, textarea, .button, .menu-item, .nav a, .tabs a");
    const wanted = control ? 44 : 24;
    const wide = aim.matches("label, textarea") ? wanted : box.width;
    if (box.height < wanted - 0.5 || wide < wanted - 0.5) {
      found.push(`is smaller than ${wanted} px: ${name(element)} ${Math.round(box.width)}x${Math.round(box.height)}`);
    }
  }

  const headings = document.querySelectorAll("h1");
  if (headings.length !== 1) found.push(`${headings.length} h1 instead of one`);
  const amount = document.querySelectorAll("*").length;
  if (amount > 2500) found.push(`${amount} elements`);
  return [...new Set(found)];
}
