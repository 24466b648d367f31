"use strict";
// Values under the pointer, and copying. The page says all that matters without it.

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text ?? "";
  return made;
};

const nearest = (places, wanted) => {
  let low = 0, high = places.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] < wanted) low = middle; else high = middle;
  }
  return wanted - places[low] < places[high] - wanted ? low : high;
};

for (const area of document.querySelectorAll("[data-chart]")) {
  const points = JSON.parse(document.getElementById(`points-${area.dataset.chart}`).textContent);
  const series = points.series.filter((one) => one.x.length);
  if (!series.length) continue;
  const cursor = element("div", "cursor"), tip = element("div", "tip");
  cursor.hidden = tip.hidden = true;
  area.append(cursor, tip);

  const show = (event) => {
    const box = area.getBoundingClientRect();
    const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const wanted = points.low + part * (points.high - points.low);
    const place = series[0].x[nearest(series[0].x, wanted)];
    const at = (place - points.low) / (points.high - points.low);
    cursor.style.left = `${100 * at}%`;
    cursor.replaceChildren();
    tip.replaceChildren(element("p", "", `${points.label} ${place}`));
    for (const one of series) {
      const index = nearest(one.x, place);
      const line = element("p", "");
      line.append(element("span", `dot s${one.number % 6}`), one.name, element("b", "", one.text[index]));
      tip.append(line);
      if (one.y[index] !== null) {
        const mark = element("i", `s${one.number % 6}`);
        mark.style.bottom = `${100 * one.y[index]}%`;
        cursor.append(mark);
      }
    }
    tip.style.left = at < 0.5 ? `calc(${100 * at}% + 10px)` : "auto";
    tip.style.right = at < 0.5 ? "auto" : `calc(${100 * (1 - at)}% + 10px)`;
    cursor.hidden = tip.hidden = false;
  };
  area.addEventListener("pointermove", show);
  area.addEventListener("pointerdown", show);
  area.addEventListener("pointerleave", () => { cursor.hidden = tip.hidden = true; });
}

for (const button of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const shown = [...button.closest(".panel").querySelectorAll("pre")].find((pre) => pre.offsetParent);
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
