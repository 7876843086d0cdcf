// SPDX-License-Identifier: MIT
// What test_report_browser.py asks of the page; each check gives what is wrong.
window.checks = {
  // Text against the first opaque ground behind it, as WCAG 2.2 computes contrast; texts on the
  // header's gradient are compared with its lightest colour.
  contrast() {
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ground = (element) => {
      for (let behind = element; behind; behind = behind.parentElement) {
        const colour = numbers(getComputedStyle(behind).backgroundColor);
        if (colour.length < 4 || colour[3] === 1) return colour;
        if (getComputedStyle(behind).backgroundImage.startsWith("linear")) return [12, 110, 166];
      }
      return [255, 255, 255];
    };
    const wrong = [];
    for (const element of document.querySelectorAll(".page.on header *, .page.on .view.on *, .page.on footer *")) {
      const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!own || !element.getClientRects().length || element.closest("svg, .hide, .u-wrap")) continue;
      const style = getComputedStyle(element), size = parseFloat(style.fontSize);
      const a = light(numbers(style.color)), b = light(ground(element));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      if (ratio < (large ? 3 : 4.5)) wrong.push([element.className, element.textContent.slice(0, 30), ratio]);
    }
    return wrong;
  },
  cutOff() {
    const hidden = (e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
    return [...document.querySelectorAll(".page.on .view.on :is(.scroll, .plot, .story)")].filter(hidden)
      .map((e) => [e.className, e.getAttribute("aria-label"), e.scrollWidth, e.clientWidth]);
  },
  emptyCharts() {
    const drawn = (c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v) => v);
    return [...document.querySelectorAll(".page.on .view.on .chart canvas")].filter((c) => !drawn(c)).length;
  },
  nameless() {
    return [...document.querySelectorAll("svg, canvas, [role=img], .scroll, button")].filter((e) =>
      !e.closest("[aria-hidden=true]") && !e.closest("[role=img][aria-label]")
      && !e.getAttribute("aria-label") && !e.textContent.trim()).map((e) => e.outerHTML.slice(0, 80));
  },
  doubledIds() {
    const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
    return ids.filter((id, i) => ids.indexOf(id) !== i);
  },
};
