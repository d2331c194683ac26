// Keeps the page live: server-sent events bring the sections that changed, as HTML that the server
// has escaped. Without this script the page reloads.
"use strict";

const RETRY_MS = 2000; // after the exporter refused the connection
const LATE_MS = 7000; // three updates missed
const live = document.getElementById("live");
const liveText = document.getElementById("live-text");
const list = document.getElementById("events");
let updatedAt = 0;

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

// Make `from` like `to` in place, to keep focus, selection and scroll positions.
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(document.importNode(to, true));
  } else if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
  } else {
    morphAttributes(from, to);
    morphChildren(from, to);
  }
}

function morphAttributes(from, to) {
  const isUserState = (name) => name === "open" && from.nodeName === "DETAILS";
  for (const { name, value } of to.attributes) {
    if (!isUserState(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!isUserState(name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
}

function morphChildren(from, to) {
  const wanted = [...to.childNodes];
  const present = [...from.childNodes];
  wanted.forEach((child, place) => {
    if (place < present.length) morph(present[place], child);
    else from.append(document.importNode(child, true));
  });
  present.slice(wanted.length).forEach((child) => child.remove());
}

function showRows(html, all) {
  const rows = [...parse(`<ol>${html}</ol>`).firstChild.children];
  if (all) list.replaceChildren(...rows);
  else list.prepend(...rows);
  const max = Number(document.body.dataset.maxRows);
  while (list.children.length > max) list.lastElementChild.remove();
  document.getElementById("no-events").hidden = list.children.length > 0;
}

function show(change) {
  if (document.title !== change.title) document.title = change.title;
  document.body.dataset.level = change.level;
  for (const [id, html] of Object.entries(change.sections)) {
    morphChildren(document.getElementById(id), parse(html));
  }
  if (change.rows || change.all_rows) showRows(change.rows, change.all_rows);
}

// Without news the verdict is hold; the next ones bring it back.
function hold() {
  for (const word of document.querySelectorAll(".word")) {
    word.className = "word hold";
    word.textContent = "HOLD";
  }
  for (const reasons of document.querySelectorAll(".reasons")) {
    reasons.textContent = "The exporter does not answer";
  }
}

function showAge() {
  const age = Date.now() - updatedAt;
  const seconds = Math.round(age / 1000);
  const isLate = age > LATE_MS;
  live.dataset.state = isLate ? "lost" : "live";
  const text = isLate
    ? `No update from the exporter for ${seconds} s`
    : `Live, updated ${seconds} s ago`;
  if (liveText.textContent !== text) liveText.textContent = text;
  if (isLate) hold();
}

function follow() {
  const query = document.body.dataset.target;
  const source = new EventSource("events" + (query ? `?target=${encodeURIComponent(query)}` : ""));
  source.onmessage = (message) => {
    updatedAt = Date.now();
    show(JSON.parse(message.data));
    showAge();
  };
  // The browser reconnects by itself, unless it was refused.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_MS);
  };
}

// A phone begins with every card folded, except the waits, which need somebody.
function foldOnPhone() {
  if (!matchMedia("(max-width: 34rem)").matches) return;
  for (const fold of document.querySelectorAll(".fold")) {
    fold.open = fold.closest("#waits") !== null && fold.querySelector(".tree") !== null;
  }
}

// Without HTTPS there is no navigator.clipboard: then the command is selected and copied.
async function copy(button) {
  const command = button.previousElementSibling;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(command.textContent);
  } else {
    getSelection().selectAllChildren(command);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
}

document.addEventListener("click", (event) => {
  if (event.target.matches(".copy")) copy(event.target);
});

document.body.dataset.live = "";
foldOnPhone();
updatedAt = Date.now();
showAge();
setInterval(showAge, 1000);
follow();
