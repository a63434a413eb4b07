"use strict";
document.documentElement.classList.add("scripted");

// Tables sort by the column whose heading is pressed; empty cells stay last.
for (const table of document.querySelectorAll(".sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column]?.dataset.sort ?? "";
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      if (value(a) === "" || value(b) === "") return (value(a) === "") - (value(b) === "");
      return (down ? -1 : 1) * (value(a) - value(b));
    });
    table.tBodies[0].append(...rows);
  }));
}

// The curves of a video are zoomed together, around the middle of what is shown.
for (const section of document.querySelectorAll(".timeline")) {
  const tracks = section.querySelector(".tracks"), inner = section.querySelector(".inner");
  const buttons = [...section.querySelectorAll("[data-zoom]")];
  for (const button of buttons) button.addEventListener("click", () => {
    const middle = (tracks.scrollLeft + tracks.clientWidth / 2) / inner.offsetWidth;
    inner.style.setProperty("--zoom", button.dataset.zoom);
    inner.classList.toggle("zoomed", Number(button.dataset.zoom) >= 4);
    tracks.scrollLeft = middle * inner.offsetWidth - tracks.clientWidth / 2;
    buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  });
}

// A cursor tells time and values under the pointer, in all curves of a video at once.
const clock = (s) => {
  const whole = Math.floor(s / 60);
  return `${whole}:${(s - 60 * whole).toFixed(2).padStart(5, "0")}`;
};
const read = (path) => {
  const points = [];
  let x = 0, y = 0;
  for (const [, dx, dy] of path.getAttribute("d").matchAll(/[ml](-?\d+)[ ]?(-?\d+)/g)) {
    x += Number(dx); y += Number(dy);
    points.push([x, y]);
  }
  return points;
};
const nearest = (points, x, width) => {  // none where the curve is broken
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1; else high = middle;
  }
  if (low > 0 && x - points[low - 1][0] < points[low][0] - x) low -= 1;
  return points[low] && Math.abs(points[low][0] - x) <= Math.max(2, 2 * width / points.length) ? points[low] : null;
};
for (const group of document.querySelectorAll(".inner, .moment")) {
  const canvases = [...group.querySelectorAll(".canvas")].map((canvas) => {
    const svg = canvas.firstElementChild, numbers = (text) => text.split(" ").map(Number);
    const legend = [...canvas.closest("figure").querySelectorAll(".legend li")];
    const curves = [...svg.querySelectorAll(".line, path.area:not(.reach):not(.line)")];
    return {
      canvas, times: numbers(svg.dataset.t), values: numbers(svg.dataset.v),
      width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height,
      curves: curves.map((path) => ({ path, points: null })),
      labels: legend.map((item) => item.textContent),
    };
  });
  const clear = () => group.querySelectorAll(".cursor").forEach((cursor) => cursor.remove());
  group.addEventListener("pointerleave", clear);
  group.addEventListener("pointermove", (event) => {
    const over = event.target.closest(".canvas");
    clear();
    if (!over) return;
    const box = over.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    for (const { canvas, times, values, width, height, curves, labels } of canvases) {
      const words = [clock(times[0] + share * (times[1] - times[0]))];
      curves.forEach((curve, place) => {
        curve.points ??= read(curve.path);
        const point = nearest(curve.points, share * width, width);
        if (!point) return;
        const value = values[0] + (1 - point[1] / height) * (values[1] - values[0]);
        const name = curves.length > 1 ? `${labels[place]} ` : "";
        words.push(name + Number(value.toPrecision(3)));
      });
      const cursor = document.createElement("div");
      cursor.className = share > 0.6 ? "cursor left" : "cursor";
      cursor.style.left = `${100 * share}%`;
      cursor.append(Object.assign(document.createElement("output"), { textContent: words.join(" · ") }));
      canvas.append(cursor);
    }
  });
}
