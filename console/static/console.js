// Makes the console's pages better to use; without it every link and form works all the same.
// One listener for each kind of event; nothing is ever read from attributes as code.
"use strict";

const FRAGMENT = "X-Jafsec-Fragment";
const TOAST_MS = 6000, MAX_TOASTS = 3, LIVE_MS = 3000, MAX_LIVE_MS = 30000, SUGGEST_MS = 120;
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// -- fragments: the only markup that is ever put into a page --

const trusted = window.trustedTypes
  ? trustedTypes.createPolicy("jafsec", { createHTML: (text) => text })
  : { createHTML: (text) => text };

async function fetched(address, options = {}) {
  const url = new URL(address, location.href);
  if (url.origin !== location.origin) throw new Error("another origin");
  const answer = await fetch(url, {
    ...options, credentials: "same-origin", redirect: "error", headers: { [FRAGMENT]: "1" },
  });
  const type = answer.headers.get("Content-Type") || "";
  if (!answer.headers.has(FRAGMENT) || !type.startsWith("text/html")) throw new Error("no fragment");
  const template = document.createElement("template");
  template.innerHTML = trusted.createHTML(await answer.text());
  dress(template.content);
  return template.content;
}

async function load(place) {
  place.setAttribute("aria-busy", "true");
  try {
    place.replaceChildren(await fetched(place.dataset.fragment));
  } catch {
    place.replaceChildren(retry(place));
  }
  place.removeAttribute("aria-busy");
}

function retry(place) {
  const notice = document.createElement("p");
  const again = document.createElement("button");
  notice.className = "banner warn";
  notice.append(document.documentElement.dataset.sayFailed || "This part could not be loaded. ");
  again.className = "link";
  again.type = "button";
  again.textContent = document.documentElement.dataset.sayAgain || "Try again";
  again.addEventListener("click", () => load(place), { once: true });
  notice.append(again);
  return notice;
}

// -- what a page or fragment needs before it is shown --

function dress(root) {
  for (const button of all("[data-copy], [data-download], [data-script]", root)) button.hidden = false;
  if (document.documentElement.dataset.zone === "local") all("time[datetime]", root).forEach(localise);
  all("[data-unlocks]", root).forEach((tick) => unlock(tick, root));
  all("[data-sum]", root).forEach((place) => sum(place, root));
}

const FORMS = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "2-digit", day: "2-digit" },
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  full: { dateStyle: "medium", timeStyle: "long" },
};

function localise(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const language = document.documentElement.lang;
  element.textContent = new Intl.DateTimeFormat(language, FORMS[element.dataset.form] || FORMS.full).format(at);
  element.title = `${new Intl.DateTimeFormat(language, FORMS.full).format(at)} (${element.dateTime})`;
}

// -- toasts --

function toast(text) {
  const place = one("#toasts");
  const shown = document.createElement("p");
  shown.className = "toast";
  shown.textContent = text;
  while (place.children.length >= MAX_TOASTS) place.firstChild.remove();
  place.append(shown);
  let left = TOAST_MS;
  const tick = setInterval(() => {
    if (shown.matches(":hover")) return;
    left -= 500;
    if (left <= 0) { shown.remove(); clearInterval(tick); }
  }, 500);
}

// -- dialogs: a link to a form's own page opens the same form in place --

async function open(dialog, opener) {
  if ("load" in dialog.dataset) {
    try {
      dialog.replaceChildren(await fetched(opener.href));
    } catch {
      location.assign(opener.href);
      return;
    }
  }
  dialog.showModal();
  (one("[autofocus], input:not([type=hidden]), select, textarea", dialog) || one("h2", dialog)).focus();
  dialog.addEventListener("close", () => opener?.focus(), { once: true });
}

// -- rows that open --

async function toggle(link) {
  const row = link.closest("tr");
  const opened = row.nextElementSibling;
  if (opened?.matches("[data-opened]")) {
    opened.remove();
    link.setAttribute("aria-expanded", "false");
    row.classList.remove("is-open");
    return;
  }
  link.setAttribute("aria-busy", "true");
  try {
    const cell = document.createElement("td");
    const line = document.createElement("tr");
    cell.colSpan = row.cells.length;
    line.className = "opened";
    line.dataset.opened = "";
    cell.append(await fetched(link.href));
    line.append(cell);
    row.after(line);
    row.classList.add("is-open");
    link.setAttribute("aria-expanded", "true");
  } catch {
    location.assign(link.href);
  }
  link.removeAttribute("aria-busy");
}

// -- the live list --

function live(button) {
  const list = one("[data-live]");
  let wait = LIVE_MS, timer = 0, waiting = [];
  const more = one("[data-live-more]");
  const is_on = () => button.getAttribute("aria-pressed") === "true";
  function show() {
    const place = one("tbody", list);
    const day = one("[data-day]", place);
    for (const row of waiting) if (day) day.after(row); else place.prepend(row);
    waiting = [];
    more.hidden = true;
  }
  async function ask() {
    if (!is_on()) return;
    if (!document.hidden) {
      try {
        const found = await fetched(`${list.dataset.live}&leaf=${list.dataset.leaf}`);
        list.dataset.leaf = one("[data-leaf]", found).dataset.leaf;
        const rows = all("tr", found).reverse();
        waiting.push(...rows);
        wait = LIVE_MS;
        const busy = one("[data-opened]", list) || String(getSelection()) || scrollY > 300;
        if (waiting.length && !busy) show();
        more.hidden = !waiting.length;
        more.textContent = more.dataset.said.replace("0", String(waiting.length));
      } catch {
        wait = Math.min(wait * 2, MAX_LIVE_MS);
      }
    }
    timer = setTimeout(ask, wait);
  }
  button.setAttribute("aria-pressed", String(!is_on()));
  clearTimeout(timer);
  if (is_on()) ask();
  more.onclick = show;
}

// -- suggestions below the query --

let asked = 0;

function suggest(field) {
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const place = one(`#${field.getAttribute("aria-controls")}`);
    const url = `${field.dataset.suggest}?q=${encodeURIComponent(field.value.slice(0, field.selectionStart))}`;
    try {
      place.replaceChildren(await fetched(url));
    } catch {
      place.replaceChildren();
    }
    const found = place.children.length > 0 && document.activeElement === field;
    place.hidden = !found;
    field.setAttribute("aria-expanded", String(found));
    field.removeAttribute("aria-activedescendant");
  }, SUGGEST_MS);
}

function choose(field, option) {
  const behind = field.value.slice(field.selectionStart);
  const before = field.value.slice(0, field.selectionStart).replace(/\S*$/, "");
  field.value = before + option.dataset.value + behind;
  field.selectionStart = field.selectionEnd = (before + option.dataset.value).length;
  fold(field);
  if (option.dataset.value.endsWith(":")) suggest(field);
}

function fold(field) {
  one(`#${field.getAttribute("aria-controls")}`).hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function suggestions(event, field) {
  const place = one(`#${field.getAttribute("aria-controls")}`);
  if (place.hidden) return;
  const options = all("[role=option]", place);
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") { fold(field); event.preventDefault(); }
  if ((event.key === "Enter" || event.key === "Tab") && at >= 0) { choose(field, options[at]); event.preventDefault(); }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const next = (at + (event.key === "ArrowDown" ? 1 : options.length - (at < 0 ? 0 : 1))) % options.length;
  options.forEach((option, place_of) => option.setAttribute("aria-selected", String(place_of === next)));
  field.setAttribute("aria-activedescendant", options[next].id);
  options[next].scrollIntoView({ block: "nearest" });
}

// -- keys --

// The button that opened the menu counts as standing in front of its first item.
function menu_of(element) {
  const menu = element.closest("[data-menu]") || element.closest("[popovertarget]")?.popoverTargetElement;
  return menu?.matches("[data-menu]:popover-open") ? menu : null;
}

function menu_key(event, menu) {
  const items = all("a, button", menu);
  const at = items.indexOf(document.activeElement);
  const last = items.length - 1;
  const places = { ArrowDown: at === last ? 0 : at + 1, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last };
  if (!(event.key in places)) return;
  event.preventDefault();
  items[places[event.key]].focus();
}

function step(by) {
  const links = all("[data-detail]");
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

const KEYS = {
  "/": () => one("[data-search]")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  o: () => document.activeElement?.matches("[data-detail]") && document.activeElement.click(),
  l: () => one("[data-live-toggle]")?.click(),
  c: () => (one("[data-opened] [data-key=c]") || one("[data-key=c]"))?.click(),
  "[": () => one("[data-key='[']")?.click(),
  "]": () => one("[data-key=']']")?.click(),
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("[data-suggest]");
  if (field) suggestions(event, field);
  const menu = menu_of(event.target);
  if (menu) menu_key(event, menu);
  const typing = event.target.closest("input, select, textarea, [contenteditable], dialog");
  if (typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-check]")) check(event.target);
  const place = event.target.form && one(`[data-sum="#${CSS.escape(event.target.form.id)}"]`);
  if (place) sum(place);
  if (event.target.matches("[data-suggest]")) suggest(event.target);
  if (event.target.matches("[data-filter]")) filter(event.target);
  if (event.target.matches("[data-unlocks]")) unlock(event.target);
});

// A row of links that scrolls brings along the one that Tab comes to, also if half of it was seen.
document.addEventListener("focusin", (event) => {
  if (event.target.closest("[data-scrolls]")) event.target.scrollIntoView({ inline: "nearest", block: "nearest" });
});

document.addEventListener("focusout", (event) => {
  if (event.target.matches("[data-suggest]")) fold(event.target);
});

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest("[role=option]");
  if (!option) return;
  event.preventDefault();
  const place = option.closest("[role=listbox]");
  choose(one(`[aria-controls="${CSS.escape(place.id)}"]`), option);
});

// -- forms: ticks that a filter hides, presets, buttons that wait for a tick --

function filter(field) {
  const wanted = field.value.trim().toLowerCase();
  let hidden = 0;
  for (const item of all(field.dataset.filter)) {
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
    hidden += item.hidden && one("input", item).checked ? 1 : 0;
  }
  const said = one(field.dataset.filterSaid);
  if (said) { said.hidden = !hidden; said.textContent = said.dataset.said.replace("0", String(hidden)); }
}

function unlock(tick, root = document) {
  for (const button of all(tick.dataset.unlocks, root)) button.disabled = !tick.checked;
}

// What the form will make, in words: how many ticks, and the choice of its first list of times.
function sum(place, root = document) {
  const form = one(place.dataset.sum, root);
  const ticks = all("input[type=checkbox]:checked:enabled", form).length;
  const said = [place.dataset.none, place.dataset.one][ticks] || place.dataset.many.replace("0", String(ticks));
  const expires = one("[name=expires]", form);
  place.textContent = `${said} · ${expires.labels[0]?.textContent || ""}: ${expires.selectedOptions[0].textContent}`;
}

// -- a field whose value the server judges while it is typed --

function check(field) {
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const url = `${field.dataset.check}?${new URLSearchParams({ [field.name]: field.value })}`;
    try { one(field.dataset.into).replaceChildren(await fetched(url)); } catch { /* the form will tell */ }
  }, SUGGEST_MS);
}

function preset(button) {
  const wanted = new Set(button.dataset.preset.split(" "));
  for (const tick of all("input[type=checkbox]", button.closest("fieldset"))) {
    if (!tick.disabled) tick.checked = wanted.has(tick.value);
  }
  button.closest("fieldset").dispatchEvent(new Event("input", { bubbles: true }));
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy || one(button.dataset.copyOf).textContent);
    toast(document.documentElement.dataset.sayCopied || "Copied");
  } catch {
    toast(document.documentElement.dataset.sayNotCopied || "The browser does not allow copying here");
  }
}

function download(button) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([one(button.dataset.download).textContent]));
  link.download = button.dataset.name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// -- the one listener for clicks --

document.addEventListener("click", (event) => {
  const target = event.target.closest(
    "[data-copy], [data-copy-of], [data-download], [data-dialog], [data-detail], [data-preset], [data-live-toggle], [data-close], dialog [data-cancel]",
  );
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const data = target.dataset;
  if ("copy" in data || "copyOf" in data) copy(target);
  else if ("download" in data) download(target);
  else if ("preset" in data) preset(target);
  else if ("liveToggle" in data) live(target);
  else if ("close" in data || "cancel" in data) { event.preventDefault(); target.closest("dialog").close(); }
  else if ("detail" in data) { event.preventDefault(); toggle(target); }
  else if ("dialog" in data) {
    const dialog = one(data.dialog);
    if (!dialog) return;
    event.preventDefault();
    open(dialog, target);
  }
});

// A dialog that shows a secret closes only by its own button. Pressed twice, Escape would not ask.
document.addEventListener("cancel", (event) => {
  if (event.target.matches("[data-keep]")) event.preventDefault();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && one("[data-keep]:modal")) event.preventDefault();
}, true);

dress(document);
all("[data-fragment]").forEach(load);
const waiting_dialog = one("dialog[data-open]");
if (waiting_dialog) { waiting_dialog.open = false; waiting_dialog.showModal(); one("h2", waiting_dialog).focus(); }
one("[data-focus]")?.focus();
