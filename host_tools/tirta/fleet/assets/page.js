// SPDX-License-Identifier: MIT
// The page of all cities: draws what /api answers, asks again when /events says that it changed.
// What is looked at stands in the address, so that it can be sent to somebody: #city=…&wrong=…
"use strict";

const words = JSON.parse(document.body.dataset.words);
const WRONGS = ["silent", "behind", "alarms", "battery", "clock", "lost", "ok"];
const PLACES = ["nodes", ...WRONGS.slice(0, 6), "missing"];
const ROWS = 100;
const COLUMNS = [
  ["state", (n) => words[n.state]], ["heard", (n, now) => ago(n.heard, now)],
  ["city", (n) => n.city], ["district", (n) => n.district || "–"], ["node", (n) => n.node],
  ["name", (n) => n.name || "–"], ["missing", (n) => number(n.missing)], ["lost", (n) => number(n.lost)],
  ["clock", (n) => clock(n)],
  ["battery", (n) => (n.battery_v === null ? "–" : `${n.battery_v.toFixed(1)} V`)],
  ["alarms", (n) => n.alarms.split(",").join(", ") || "–"], ["firmware", (n) => n.firmware || "–"],
];
const NUMBERS = new Set(["missing", "lost", "clock", "battery"]);
const NAMED = new Set([...NUMBERS, "alarms", "firmware"]);
// Where the worst stands at the end of the order that a column has.
const DESCENDING = new Set(["missing", "lost", "clock", "alarms"]);
const byId = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const number = (n) => numbers.format(n);

function ago(then, now) {
  const s = now - then;
  if (!then) return words.never;
  if (s < 90) return words.now;
  const [n, unit] = s < 5400 ? [s / 60, "minutes"] : s < 172800 ? [s / 3600, "hours"] : [s / 86400, "days"];
  return words[unit].replace("{n}", number(Math.round(n)));
}

function clock(n) {
  if (!n.heard) return "–";
  if (n.clock_ms < 0) return words.unset;
  return n.clock_ms < 1000 ? `± ${number(n.clock_ms)} ms` : `± ${number(Math.round(n.clock_ms / 1000))} s`;
}

function make(tag, text, more = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(more)) {
    if (name === "on") made.addEventListener("click", value);
    else if (value !== undefined) made.setAttribute(name, value);
  }
  return made;
}

function state() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function address(change) {
  const next = { ...state(), first: undefined, ...change };
  const kept = Object.entries(next).filter(([, value]) => value !== undefined && value !== "");
  return `#${new URLSearchParams(kept)}`;
}

function go(change) {
  location.hash = address(change);
}

async function ask(path, told) {
  const answer = await fetch(`${path}?${new URLSearchParams(told)}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

// On a phone a row is a card (page.css): there a value of a `named` column stands behind the column's
// title, and one that says nothing is left out. The roles are for readers, which then see no table.
function table(columns, rows, cell, sorted, sort, numeric, title, named) {
  const head = make("tr", undefined, { role: "row" });
  for (const name of columns) {
    const top = make("th", undefined, { scope: "col", role: "columnheader" });
    if (numeric(name)) top.className = "number";
    if (title(name)) {
      const is = sorted.sort === name;
      top.setAttribute("aria-sort", is ? (sorted.desc ? "descending" : "ascending") : "none");
      const mark = is ? (sorted.desc ? " ↓" : " ↑") : "";
      top.append(make("button", title(name) + mark, { type: "button", title: words.sort, on: () => sort(name) }));
    }
    head.append(top);
  }
  const body = make("tbody", undefined, { role: "rowgroup" });
  for (const row of rows) {
    const line = make("tr", undefined, { role: "row" });
    for (const name of columns) {
      const made = make("td", undefined, { role: "cell", "data-name": named(name) ? title(name) : undefined });
      made.append(cell(row, name));
      made.classList.toggle("number", numeric(name));
      made.classList.toggle("empty", ["", "0", "–"].includes(made.textContent));
      line.append(made);
    }
    body.append(line);
  }
  const made = make("table", undefined, { role: "table" });
  const top = make("thead", undefined, { role: "rowgroup" });
  top.append(head);
  made.append(top, body);
  return made;
}

function tiles(sums, told) {
  const made = [["nodes", undefined], ...WRONGS.map((wrong) => [wrong, wrong])].map(([name, wrong]) => {
    const tile = make("button", undefined, {
      type: "button", class: `tile ${name}`, "aria-pressed": String((told.wrong || undefined) === wrong),
      on: () => go({ wrong: told.wrong === wrong ? undefined : wrong }),
    });
    tile.append(make("b", number(sums[name])), make("span", words[name]));
    return tile;
  });
  byId("tiles").replaceChildren(...made);
}

function way(told) {
  const parts = [make("a", words.all, { href: "#" })];
  if (told.city !== undefined) {
    parts.push(make("a", told.city, { href: address({ city: told.city, district: undefined }) }));
  }
  if (told.district !== undefined) {
    parts.push(make("a", told.district || words.nodistrict, { href: address({}) }));
    if (told.district) parts.push(report(told.city, told.district));
  }
  byId("way").replaceChildren(...parts);
}

function report(city, district) {
  return make("a", words.report, {
    class: "report", target: "_blank", rel: "noopener",
    href: `report/${encodeURIComponent(city)}/${encodeURIComponent(district)}`,
  });
}

function places(answer, told) {
  const inside = told.city !== undefined;
  if (told.district !== undefined) {
    byId("places").replaceChildren();
    return;
  }
  const key = inside ? "district" : "city";
  const rows = inside ? answer.districts : answer.cities;
  const by = told.by || "silent";
  rows.sort((a, b) => (by === key ? a[key].localeCompare(b[key]) : b[by] - a[by]) || a[key].localeCompare(b[key]));
  const cell = (row, name) => {
    if (name === "report") return row.district ? report(row.city, row.district) : "";
    if (name !== key) return row[name] ? number(row[name]) : make("span", "0", { class: "nothing" });
    const change = inside ? { district: row.district } : { city: row.city };
    return make("a", row[key] || words.nodistrict, { href: address(change) });
  };
  const columns = [key, ...PLACES, ...(inside ? ["report"] : [])];
  const made = table(columns, rows, cell, { sort: by, desc: by !== key }, (name) => go({ by: name }),
    (name) => PLACES.includes(name), (name) => (name === "report" ? "" : words[name]), (name) => PLACES.includes(name));
  const holder = make("div", undefined, { class: "wide places", tabindex: "0", role: "region", "aria-label": words[key] });
  const before = byId("places").querySelector(".places");
  const top = before ? before.scrollTop : 0;
  holder.append(made);
  byId("places").replaceChildren(make("h2", words[key]), holder);
  holder.scrollTop = top;
}

function nodes(answer, told) {
  const first = Number(told.first || 0);
  const shown = { sort: told.sort || "worst", desc: told.desc === "1" };
  const cell = (node, name) => {
    const text = COLUMNS.find(([one]) => one === name)[1](node, answer.now);
    return name === "state" ? make("span", text, { class: `state ${node.state}` }) : document.createTextNode(text);
  };
  const sort = (name) => {
    const desc = shown.sort === name ? !shown.desc : DESCENDING.has(name);
    go({ sort: name, desc: desc ? "1" : undefined });
  };
  const made = table(COLUMNS.map(([name]) => name), answer.nodes, cell, shown, sort,
    (name) => NUMBERS.has(name), (name) => words[`${name}_column`] || words[name], (name) => NAMED.has(name));
  byId("nodes").replaceChildren(answer.nodes.length ? made : make("p", words.none));
  const last = first + answer.nodes.length;
  byId("count").textContent = answer.nodes.length
    ? words.of.replace("{a}", number(first + 1)).replace("{b}", number(last)).replace("{n}", number(answer.count))
    : "";
  byId("before").disabled = first === 0;
  byId("after").disabled = last >= answer.count;
  byId("before").onclick = () => go({ first: String(Math.max(0, first - ROWS)) });
  byId("after").onclick = () => go({ first: String(first + ROWS) });
}

let asked = 0;
async function draw() {
  const mine = ++asked;
  const told = state();
  const same = Object.fromEntries(["city", "district", "q"].filter((k) => told[k] !== undefined).map((k) => [k, told[k]]));
  const more = { sort: told.sort || "worst", first: told.first || "0", count: String(ROWS) };
  if (told.desc) more.desc = told.desc;
  if (told.wrong) more.wrong = told.wrong;
  try {
    const [sums, rows] = await Promise.all([ask("api/fleet", same), ask("api/nodes", { ...same, ...more })]);
    if (mine !== asked) return; // another question was asked meanwhile
    tiles(sums.shown, told);
    way(told);
    places(sums, told);
    nodes(rows, told);
    document.body.dataset.revision = sums.revision;
  } catch (error) {
    lives(false);
  }
}

function lives(is) {
  byId("live").textContent = is ? words.live : words.off;
  byId("live").className = is ? "on" : "off";
}

let later; // while somebody types
byId("search").addEventListener("input", () => {
  clearTimeout(later);
  later = setTimeout(() => {
    later = undefined;
    go({ q: byId("search").value.trim() || undefined });
  }, 250);
});
window.addEventListener("hashchange", () => {
  if (later === undefined && document.activeElement !== byId("search")) byId("search").value = state().q || "";
  draw();
});
byId("search").value = state().q || "";
const stream = new EventSource("events");
stream.onmessage = () => { lives(true); draw(); };
stream.onerror = () => lives(false);
setInterval(draw, 60000); // time passes also where nothing comes: who is silent says nothing
draw();
