// What moves on the page by itself. All of it works without, by loading the page again.
"use strict";

const word = document.body.dataset.word || "";

// Parts of the page that the server has made.
async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// busy is whether somebody is about to do something in a part.
function busy(part) {
  return part.contains(document.activeElement) && document.activeElement !== document.body || part.querySelector("details[open]") || [...part.querySelectorAll("input[type=number]")].some((i) => i.value !== i.defaultValue);
}

async function renew() {
  const next = await fetchPage(location.href);
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = next.getElementById(part.id);
    if ("hold" in part.dataset) continue;
    if (other && other.innerHTML !== part.innerHTML && !busy(part)) part.replaceWith(document.adoptNode(other));
  }
  const map = document.querySelector("[data-load]"), fresh = next.querySelector("[data-load]");
  if (map && fresh && map.dataset.key !== fresh.dataset.key) {
    map.dataset.key = fresh.dataset.key;
    load(map);
  }
}

if ("live" in document.body.dataset) {
  let failed = 0;
  const again = async () => {
    if (!document.hidden) {
      try { await renew(); failed = 0; } catch { failed++; }
    }
    setTimeout(again, Math.min(60000, 3000 * 2 ** failed));
  };
  setTimeout(again, 3000);
}

// What takes a moment to find out.
async function load(place) {
  try {
    const page = await fetchPage(place.dataset.load);
    const panel = page.querySelector("#main > .panel");
    if (panel) place.replaceChildren(document.adoptNode(panel));
  } catch {
    // The link that is there stays.
  }
}
document.querySelectorAll("[data-load]").forEach(load);

// The time that a build takes.
setInterval(() => {
  const place = document.querySelector("[data-since]");
  if (!place) return;
  const s = Math.max(0, Math.floor((Date.now() - Date.parse(place.dataset.since)) / 1000));
  place.textContent = s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min " + s % 60 + " s" : Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}, 1000);

// The log of a build that goes on.
const log = document.getElementById("log");
if (log) {
  if (!log.dataset.events) log.scrollTop = log.scrollHeight;
  const most = 20000;
  const state = document.getElementById("log-state");
  const add = (lines) => {
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const all = document.createDocumentFragment();
    for (const line of lines) {
      const place = document.createElement("span");
      place.className = "l";
      for (const span of line.spans || [{ text: line.text }]) {
        const part = document.createElement("span");
        if (span.class) part.className = span.class;
        part.textContent = span.text;
        place.append(part);
      }
      place.append("\n");
      all.append(place);
    }
    log.append(all);
    while (log.childElementCount > most) log.firstElementChild.remove();
    if (follows) log.scrollTop = log.scrollHeight;
  };
  if (log.dataset.events) {
    // How long phases take, until the server says so more exactly: of those that began before the page was opened it does not know.
    const part = document.getElementById("phases"), phases = [];
    part.dataset.hold = "";
    let known = false;
    const svg = (name, attributes) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      return node;
    };
    const draw = () => {
      if (!phases.length) return;
      const now = Date.now(), begin = phases.find((p) => p.at)?.at ?? now, all = Math.max(1, now - begin);
      const list = document.createElement("ol");
      list.className = "panel phases";
      phases.forEach((p, i) => {
        const end = phases[i + 1] ? phases[i + 1].at : now;
        const item = document.createElement("li"), name = document.createElement("span"), took = document.createElement("span");
        name.className = "name";
        name.textContent = p.name;
        took.className = "n";
        const bar = svg("svg", { width: "100%", height: "8", "aria-hidden": "true" });
        bar.append(svg("rect", { class: "track", width: "100%", height: "8", rx: "4" }));
        if (p.at) {
          took.textContent = ((end - p.at) / 1000).toFixed(end - p.at < 10000 ? 1 : 0) + " s";
          bar.append(svg("rect", { x: 100 * Math.min(0.994, (p.at - begin) / all) + "%", width: Math.max(0.6, 100 * (end - p.at) / all) + "%", height: "8", rx: "4" }));
        }
        if (i === phases.length - 1) item.className = "now";
        item.append(name, took, bar);
        list.append(item);
      });
      part.querySelector(".panel").replaceWith(list);
    };
    const watch = (lines) => {
      for (const line of lines) {
        const step = line.text.startsWith("-----> ") && line.text.slice(7);
        if (step && !step.startsWith("Done in ")) phases.push({ name: step, at: known ? Date.now() : 0 });
      }
      draw();
    };
    const drawing = setInterval(draw, 500);
    setTimeout(() => { known = true; }, 300);
    const events = new EventSource(log.dataset.events);
    state.textContent = "live";
    events.onopen = () => { state.textContent = "live"; };
    events.onerror = () => {
      state.textContent = events.readyState === EventSource.CLOSED ? "ended; load the page again" : "waiting for the server";
    };
    events.addEventListener("log", (e) => {
      const lines = JSON.parse(e.data).lines;
      add(lines);
      watch(lines);
    });
    events.addEventListener("status", () => renew().catch(() => {}));
    events.addEventListener("end", () => {
      events.close();
      clearInterval(drawing);
      delete part.dataset.hold;
      state.textContent = "";
      renew().catch(() => {});
    });
  }
}

// A source archive goes as it is; a form would wrap it.
document.querySelectorAll("form[data-send]").forEach((form) => {
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const file = form.querySelector("input[type=file]").files[0];
    const says = form.querySelector("[role=status]"), button = form.querySelector("button");
    if (!file) return;
    button.disabled = true;
    says.textContent = "Sending…";
    try {
      const answer = await fetch(form.dataset.send, {
        method: "POST", body: file, credentials: "same-origin",
        headers: { "X-CSRF-Token": word, "Content-Type": "application/octet-stream", Accept: "application/json", "X-Slugc-Message": file.name.replace(/[^\x20-\x7e]/g, "_") },
      });
      const said = await answer.json();
      if (answer.ok) { location.assign(said.url); return; }
      says.textContent = said.error;
    } catch {
      says.textContent = "The server could not be reached.";
    }
    button.disabled = false;
  });
});
