// SPDX-License-Identifier: MIT
// The page's script: which language, view and zone is shown, and the charts, drawn when they come into sight.
"use strict";
(async () => {
  // --- What the page carries: plain, or packed where a district is large.
  async function unpackJson(name) {
    const element = document.getElementById(`packed-${name}`);
    const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }
  const plain = document.getElementById("data");
  if (!plain && typeof DecompressionStream === "undefined") { document.documentElement.classList.add("old"); return; }
  const data = plain ? JSON.parse(plain.textContent) : await unpackJson("data");
  const sections = {};
  const COLOURS = { line: "#0a6298", band: "#0a62982e", night: "#06304c", reported: "#b04a00", use: "#145c3c", leak: "#e07b0030", burst: "#a11a121c", burstEdge: "#a11a12", dry: "#06304c2a", limit: "#a11a12", window: "#0630480d", hole: "#8aa1ad", report: "#7a3ea8", grid: "#e3ebef", text: "#47606d" };
  const plots = new Map();
  const root = document.documentElement;

  // --- Language and view, kept in the address so that a link shows what its sender saw.
  const state = { lang: navigator.language.toLowerCase().startsWith("id") ? "id" : "en", view: "office" };
  const VIEWS = ["office", "citizen", "engineer"];
  function fromAddress() {
    const [lang, view] = location.hash.slice(1).split("/");
    if (data.words[lang]) state.lang = lang;
    if (VIEWS.includes(view)) state.view = view;
  }
  function show() {
    root.lang = state.lang;
    for (const page of document.querySelectorAll(".page")) page.classList.toggle("on", page.dataset.lang === state.lang);
    for (const view of document.querySelectorAll(".view")) view.classList.toggle("on", view.dataset.view === state.view);
    for (const one of document.querySelectorAll("[data-set-lang]")) one.setAttribute("aria-pressed", one.dataset.setLang === state.lang);
    for (const one of document.querySelectorAll("[data-set-view]")) one.setAttribute("aria-pressed", one.dataset.setView === state.view);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-set-lang], [data-set-view]");
    if (!button) return;
    if (button.dataset.setLang) state.lang = button.dataset.setLang;
    if (button.dataset.setView) state.view = button.dataset.setView;
    history.replaceState(null, "", `#${state.lang}/${state.view}`);
    show();
    const same = [...document.querySelectorAll(".page.on button")].find((b) => b.dataset.setLang === button.dataset.setLang && b.dataset.setView === button.dataset.setView);
    if (same) same.focus({ preventScroll: true });
  });

  // --- One zone at a time: a link to a zone shows it in the engineers' view.
  async function choose(id, lang) {
    let section = document.getElementById(`zone-${lang}-${id}`);
    if (!section) {
      if (document.getElementById(`packed-zones-${lang}`)) sections[lang] ??= await unpackJson(`zones-${lang}`);
      if (!sections[lang]?.[id]) return null;
      const box = document.querySelector(`.zones[data-lang="${lang}"]`);
      box.innerHTML = sections[lang][id];
      section = box.firstElementChild;
      watch(box);
    }
    for (const other of section.parentElement.children) other.classList.toggle("chosen", other === section);
    for (const row of document.querySelectorAll(`.page[data-lang="${lang}"] tr[data-zone]`)) row.classList.toggle("chosen", row.dataset.zone === id);
    return section;
  }
  async function openTarget() {
    const found = /^#zone-(en|id)-(.+)$/.exec(decodeURIComponent(location.hash));
    if (!found) return;
    state.lang = found[1]; state.view = "engineer";
    show();
    const section = await choose(found[2], found[1]);
    if (section) { section.scrollIntoView(); section.focus({ preventScroll: true }); }
  }
  addEventListener("hashchange", () => { fromAddress(); show(); openTarget(); });

  // --- The table of zones: sorted by a column, searched, grouped by the zone that feeds.
  for (const table of document.querySelectorAll("table.sortable")) {
    const view = table.closest(".view"), body = table.tBodies[0], rows = [...body.rows];
    const search = view.querySelector("[data-search]"), group = view.querySelector("[data-group]"), found = view.querySelector("[data-found]");
    const words = data.words[table.closest(".page").dataset.lang];
    const plainText = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const names = new Map(rows.map((row) => [row, plainText(`${row.cells[0].textContent} ${row.dataset.zone}`)]));
    const heads = [...table.tHead.querySelectorAll("[data-sort]")];
    const sort = (button) => {
      const head = button.closest("th"), down = head.getAttribute("aria-sort") !== (button.dataset.sort === "name" ? "ascending" : "descending");
      const falling = down === (button.dataset.sort !== "name");
      for (const one of heads) one.closest("th").removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = (row) => { const text = row.cells[head.cellIndex].dataset.value; return text === "" || text == null ? -Infinity : Number(text); };
      const order = button.dataset.sort === "name" ? (a, b) => names.get(a).localeCompare(names.get(b), table.closest(".page").lang, { numeric: true }) : (a, b) => key(a) - key(b);
      body.append(...[...rows].sort((a, b) => (falling ? order(b, a) : order(a, b))));
      table.classList.add("flat"); group.setAttribute("aria-pressed", "false");
    };
    for (const button of heads) button.addEventListener("click", () => sort(button));
    group.addEventListener("click", () => {
      body.append(...rows); table.classList.remove("flat"); group.setAttribute("aria-pressed", "true");
      for (const one of heads) one.closest("th").removeAttribute("aria-sort");
    });
    search.addEventListener("input", () => {
      const wanted = plainText(search.value.trim());
      for (const row of rows) row.hidden = !names.get(row).includes(wanted);
      const left = rows.filter((row) => !row.hidden).length;
      found.textContent = wanted ? words.found.replace("{found}", left).replace("{all}", rows.length) : "";
    });
  }

  // --- A box that holds more than it shows says so at its edges.
  const more = (box) => {
    box.classList.toggle("more-right", box.scrollWidth - box.clientWidth - box.scrollLeft > 2);
    box.classList.toggle("more-below", box.scrollHeight - box.clientHeight - box.scrollTop > 2);
  };
  const boxes = new ResizeObserver((entries) => entries.forEach(({ target }) => more(target.classList.contains("scroll") ? target : target.parentElement)));

  // --- Numbers: 16 or 8 bits each, the greatest is an empty bucket.
  const unpacked = new Map();
  function unpack(line) {
    if (!unpacked.has(line)) {
      const bytes = Uint8Array.from(atob(line.data), (c) => c.charCodeAt(0));
      const steps = line.bits === 8 ? bytes : new Uint16Array(bytes.buffer), empty = 2 ** line.bits - 1;
      unpacked.set(line, Array.from(steps, (s) => (s === empty ? null : line.low + s * line.step)));
    }
    return unpacked.get(line);
  }
  const times = (count, step) => Array.from({ length: count }, (_, i) => data.start + (i + 0.5) * step);

  // --- Words of the language that a chart stands in.
  const local = (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone);
  function language(element) {
    const words = data.words[element.closest(".page").dataset.lang];
    const format = (pattern) => uPlot.fmtDate(pattern, words);
    const day = format("{D} {MMM}"), hour = format("{HH}:{mm}"), whole = format("{WWW} {D} {MMM} {HH}:{mm}");
    const number = (value) => {
      if (value == null) return "–";
      const size = Math.abs(value);
      return value.toFixed(size < 0.1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0).replace(".", words.decimal);
    };
    return { words, number, day: (s) => day(local(s)), hour: (s) => hour(local(s)), whole: (s) => whole(local(s)) };
  }

  // --- What is drawn behind and over the lines.
  function spans(u, list, fill, edge) {
    const { ctx, bbox } = u;
    for (const [from, to] of list) {
      const left = Math.max(bbox.left, u.valToPos(from, "x", true));
      const right = Math.min(bbox.left + bbox.width, u.valToPos(to, "x", true));
      if (right < bbox.left || left > bbox.left + bbox.width) continue;
      ctx.fillStyle = fill;
      ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
      if (edge) { ctx.fillStyle = edge; ctx.fillRect(left, bbox.top, 2 * devicePixelRatio, bbox.height); }
    }
  }
  function hatch(ctx) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = COLOURS.hole; pen.lineWidth = 1.4;
    pen.beginPath(); pen.moveTo(0, 8); pen.lineTo(8, 0); pen.moveTo(-2, 2); pen.lineTo(2, -2); pen.moveTo(6, 10); pen.lineTo(10, 6); pen.stroke();
    return ctx.createPattern(tile, "repeat");
  }
  function steps(u, points, colour, width, dash) {
    const { ctx } = u;
    ctx.save(); ctx.beginPath(); ctx.strokeStyle = colour; ctx.lineWidth = width * devicePixelRatio; ctx.setLineDash((dash || []).map((d) => d * devicePixelRatio));
    points.forEach(([t, v], i) => { const x = u.valToPos(t, "x", true), y = u.valToPos(v, "y", true); if (i) ctx.lineTo(x, y); else ctx.moveTo(x, y); });
    ctx.stroke(); ctx.restore();
  }
  function clipped(u, draw) {
    const { ctx, bbox } = u;
    ctx.save(); ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip(); draw(ctx, bbox); ctx.restore();
  }

  // --- The kinds of charts: each gives its columns, series and drawings.
  const KINDS = {
    flow(key, say) {
      const zone = data.zones[key];
      if (!zone || !zone.flow) return null;
      const mean = unpack(zone.flow.mean);
      const end = zone.reported.length ? zone.reported[zone.reported.length - 1] : null;
      const reported = zone.reported.length ? [...zone.reported] : [];
      return {
        height: 270, unit: "L/s", step: zone.flow.step, columns: [unpack(zone.flow.low), unpack(zone.flow.high), mean], zero: true,
        behind(u) {
          clipped(u, (ctx) => {
            spans(u, data.windows, COLOURS.window);
            spans(u, zone.outages, COLOURS.dry);
            spans(u, zone.bursts, COLOURS.burst, COLOURS.burstEdge);
            spans(u, zone.holes, hatch(ctx));
            if (zone.use != null && reported.length > 1) {
              ctx.fillStyle = COLOURS.leak; ctx.beginPath();
              reported.forEach(([t, v], i) => ctx[i ? "lineTo" : "moveTo"](u.valToPos(t, "x", true), u.valToPos(Math.max(v, zone.use), "y", true)));
              ctx.lineTo(u.valToPos(end[0], "x", true), u.valToPos(zone.use, "y", true));
              ctx.lineTo(u.valToPos(reported[0][0], "x", true), u.valToPos(zone.use, "y", true));
              ctx.fill();
            }
          });
        },
        over(u) {
          clipped(u, (ctx) => {
            if (zone.use != null) steps(u, [[data.start, zone.use], [data.end, zone.use]], COLOURS.use, 1.6, [6, 4]);
            steps(u, reported, COLOURS.reported, 2.4);
            for (const [t, v, counts] of zone.nights) {
              ctx.beginPath(); ctx.arc(u.valToPos(t, "x", true), u.valToPos(v, "y", true), 3.2 * devicePixelRatio, 0, 7);
              ctx.fillStyle = counts ? COLOURS.night : "#fff"; ctx.fill();
              ctx.strokeStyle = COLOURS.night; ctx.lineWidth = 1.3 * devicePixelRatio; ctx.stroke();
            }
          });
        },
        legend: [[COLOURS.line, say.words.mean], [COLOURS.band, `${say.words.least} – ${say.words.most}`], [COLOURS.night, say.words.night], [COLOURS.reported, say.words.reported], ...(zone.use != null ? [[COLOURS.use, say.words.use], [COLOURS.leak, say.words.leak]] : []), ...(zone.bursts.length ? [[COLOURS.burst, say.words.burst]] : []), ...(zone.outages.length ? [[COLOURS.dry, say.words.dry]] : []), ...(zone.holes.length ? [["hole", say.words.hole]] : [])],
      };
    },
    signal(key, say) {
      const one = data.signals[key];
      if (!one) return null;
      const limits = one.limits.flat().filter((v) => v != null);
      return {
        height: 170, unit: one.unit, step: one.line.step, columns: [unpack(one.line.low), unpack(one.line.high)], limits,
        behind(u) { clipped(u, (ctx) => { spans(u, one.outside, COLOURS.burst); spans(u, one.holes, hatch(ctx)); }); },
        over(u) { clipped(u, () => { for (const v of limits) steps(u, [[data.start, v], [data.end, v]], COLOURS.limit, 1.4, [6, 4]); }); },
        legend: [[COLOURS.band, `${say.words.least} – ${say.words.most}`], ...(limits.length ? [[COLOURS.limit, say.words.limit]] : []), ...(one.holes.length ? [["hole", say.words.hole]] : [])],
      };
    },
    turbidity(key, say) {
      const one = data.turbidity;
      if (!one) return null;
      const high = unpack(one.high);
      const limits = one.limit == null ? [] : [one.limit];
      return {
        height: 230, unit: one.unit, step: one.step, columns: [high, high], limits, zero: true, top: 0.25,
        behind() {},
        over(u) {
          clipped(u, (ctx, bbox) => {
            for (const v of limits) steps(u, [[data.start, v], [data.end, v]], COLOURS.limit, 1.6, [6, 4]);
            const seen = new Map();
            for (const [t, kind] of data.requests) {
              const x = Math.round(u.valToPos(t, "x", true) / 7) * 7, rank = seen.get(x) || 0, size = 4.2 * devicePixelRatio;
              seen.set(x, rank + 1);
              const y = bbox.top + size * 2 + Math.min(rank, 6) * size * 1.9;
              ctx.beginPath(); ctx.moveTo(x, y + size); ctx.lineTo(x - size, y - size); ctx.lineTo(x + size, y - size); ctx.closePath();
              ctx.fillStyle = kind === data.brown ? COLOURS.report : "#fff"; ctx.strokeStyle = COLOURS.report; ctx.lineWidth = 1.4 * devicePixelRatio; ctx.fill(); ctx.stroke();
            }
          });
        },
        legend: [[COLOURS.line, say.words.turbidity], ...(limits.length ? [[COLOURS.limit, say.words.limit]] : []), [COLOURS.report, `${say.words.reports} (▼ ${say.words.brown})`]],
      };
    },
  };

  // --- One chart.
  function draw(figure) {
    const box = figure.querySelector(".plot"), readout = figure.querySelector(".readout");
    const say = language(figure), kind = KINDS[figure.dataset.chart](figure.dataset.key, say);
    if (!kind) { figure.hidden = true; return; }
    const xs = times(kind.columns[0].length, kind.step);
    const mean = kind.columns.length > 2, narrow = box.clientWidth < 500;
    const known = kind.columns[1].some((v) => v != null);
    const axis = { stroke: COLOURS.text, grid: { stroke: COLOURS.grid, width: 1 }, ticks: { stroke: COLOURS.grid, width: 1 }, font: "12px system-ui, sans-serif" };
    const plot = new uPlot({
      width: box.clientWidth || PAPER, height: narrow ? Math.round(kind.height * 0.9) : kind.height,
      tzDate: local, legend: { show: false }, cursor: { y: false, drag: { x: true, y: false }, points: { show: false } },
      scales: { x: { time: true, min: data.start, max: data.end, range: (u, min, max) => (min == null ? [data.start, data.end] : [min, max]) }, y: { range: (u, min, max) => {
        if (!known || min == null) return [0, 1];
        const low = Math.min(min, ...(kind.limits || [])), high = Math.max(max, ...(kind.limits || []));
        const pad = (high - low || Math.abs(high) || 1) * 0.06;
        return [kind.zero && low >= 0 ? 0 : low - pad, high + pad + (high - low) * (kind.top || 0)];
      } } },
      axes: [
        { ...axis, space: narrow ? 62 : 70, values: (u, splits, i, space, incr) => splits.map((s) => (incr >= 86400 || say.hour(s) === "00:00" ? say.day(s) : say.hour(s))) },
        { ...axis, size: narrow ? 42 : 52, label: kind.unit === "pH" ? "pH" : kind.unit.replace("uS", "µS").replace("degC", "°C"), labelSize: 20, labelFont: "12px system-ui, sans-serif", values: (u, splits) => splits.map((v) => String(+v.toFixed(4)).replace(".", say.words.decimal)) },
      ],
      series: [{}, { label: "low", stroke: COLOURS.line, width: mean ? 0 : 1, points: { show: false } }, { label: "high", stroke: COLOURS.line, width: mean ? 0 : 1, points: { show: false } }, ...(mean ? [{ label: "mean", stroke: COLOURS.line, width: 1.6, points: { show: false } }] : [])],
      bands: [{ series: [2, 1], fill: COLOURS.band }],
      hooks: {
        drawClear: [kind.behind], draw: [kind.over],
        setCursor: [(u) => {
          const i = u.cursor.idx;
          if (i == null || u.cursor.left < 0) { readout.textContent = "\u00a0"; return; }
          const low = u.data[1][i], high = u.data[2][i];
          const value = low == null ? say.words.hole : low === high ? say.number(low) : `${say.number(low)} – ${say.number(high)}`;
          const middle = mean && u.data[3][i] != null ? `${say.words.mean} ${say.number(u.data[3][i])}, ` : "";
          readout.textContent = `${say.whole(u.data[0][i])}: ${middle}${value} ${low == null ? "" : kind.unit.replace("uS", "µS").replace("degC", "°C")}`;
        }],
      },
    }, [xs, ...kind.columns], box);
    const legend = figure.querySelector(".legend");
    for (const [colour, text] of kind.legend) {
      const item = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.background = colour === "hole" ? `repeating-linear-gradient(135deg, ${COLOURS.hole} 0 1.5px, #fff 1.5px 5px)` : colour;
      item.append(swatch, text); legend.append(item);
    }
    let at = 0;
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 24, PageUp: -24, Home: -1e9, End: 1e9 }[event.key];
      if (event.key === "Escape") { plot.setCursor({ left: -10, top: -10 }); plot.setScale("x", { min: data.start, max: data.end }); return; }
      if (!step) return;
      event.preventDefault();
      at = Math.max(0, Math.min(xs.length - 1, at + step));
      plot.setCursor({ left: plot.valToPos(xs[at], "x"), top: 10 });
    });
    plots.set(box, plot);
  }

  // --- Charts are drawn when they are seen, and follow the width of the page.
  const resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const plot = plots.get(target);
      if (plot && contentRect.width > 50 && Math.abs(plot.width - contentRect.width) > 2) plot.setSize({ width: contentRect.width, height: plot.height });
    }
  });
  function drawOnce(figure, hidden) {
    const box = figure.querySelector(".plot");
    if (plots.has(box) || figure.hidden || (!box.clientWidth && !hidden)) return;
    draw(figure);
    resized.observe(box);
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { drawOnce(entry.target); if (plots.has(entry.target.querySelector(".plot"))) seen.unobserve(entry.target); }
  }, { rootMargin: "300px" });
  function watch(part) {
    for (const figure of part.querySelectorAll(".chart")) seen.observe(figure);
    for (const box of part.querySelectorAll(".scroll")) {
      box.addEventListener("scroll", () => more(box), { passive: true });
      boxes.observe(box);
      if (box.firstElementChild) boxes.observe(box.firstElementChild);
    }
  }

  // --- Paper: charts as wide as it is, all zones or the one that is shown.
  const PAPER = 650; // pixels of CSS, less than is between the margins of A4
  const drawnIn = () => [...document.querySelectorAll(".page.on .view.on .chart")].filter((f) => !f.hidden && (!root.classList.contains("one-zone") || f.closest(".zone.chosen")));
  function toPaper() {
    for (const part of document.querySelectorAll(".page.on .view.on details")) part.open = true;
    const figures = drawnIn(), one = root.classList.contains("one-zone");
    const many = figures.filter((f) => f.closest(".small-charts")).length;
    const across = !one ? 2 : many <= 9 ? 3 : many <= 16 ? 4 : 5, down = Math.ceil(many / across) || 1;
    const small = { width: PAPER / across - 12, height: one ? Math.min(118, Math.max(56, 340 / down - 24)) : null };
    root.style.setProperty("--across", across);
    for (const figure of figures) {
      drawOnce(figure, true);
      const plot = plots.get(figure.querySelector(".plot"));
      if (!plot) continue;
      const size = figure.closest(".small-charts") ? small : { width: PAPER, height: one ? 205 : null };
      plot.setSize({ width: size.width, height: size.height || plot.height });
    }
  }
  function toScreen() {
    root.classList.remove("one-zone");
    for (const [box, plot] of plots) if (box.clientWidth) plot.setSize({ width: box.clientWidth, height: plot.height });
  }
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", toScreen);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-print=zone]")) return;
    root.classList.add("one-zone");
    print();
  });

  fromAddress();
  show();
  watch(document);
  if (!plain) {
    for (const lang of Object.keys(data.words)) {
      const first = document.querySelector(`.page[data-lang="${lang}"] tr[data-zone]`);
      if (first) await choose(first.dataset.zone, lang);
    }
  }
  await openTarget();
  root.classList.add("ready");
})();
