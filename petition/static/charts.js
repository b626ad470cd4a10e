// The values of a chart, column by column: under the pointer or finger, and by the arrow keys. A table beneath has them all.
for (const chart of document.querySelectorAll("[data-columns]")) {
  const image = chart.querySelector("img"), columns = JSON.parse(chart.dataset.columns), last = columns.length - 1;
  const isLine = "line" in chart.dataset, mark = document.createElement("span"), reading = document.createElement("p");
  let current = last;
  if (last < 1) continue;
  mark.className = "column";
  mark.hidden = true;
  reading.className = "reading";
  reading.setAttribute("aria-hidden", "true"); // said by the slider
  chart.append(mark, reading);
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: 0, "aria-label": chart.dataset.label, "aria-valuemin": 0, "aria-valuemax": last,
  })) chart.setAttribute(name, value);

  const edges = () => JSON.parse(image.currentSrc.includes("narrow=") ? chart.dataset.narrow : chart.dataset.wide);
  const say = () => {
    chart.setAttribute("aria-valuenow", current);
    chart.setAttribute("aria-valuetext", columns[current]);
  };
  const show = (column) => {
    const [start, end] = edges();
    current = Math.max(0, Math.min(last, column));
    mark.style.left = `${100 * (start + (end - start) * (isLine ? current / last : (current + .5) / (last + 1)))}%`;
    mark.style.height = `${image.clientHeight}px`;
    mark.hidden = false;
    reading.textContent = columns[current];
    say();
  };
  const point = (event) => {
    const box = image.getBoundingClientRect(), [start, end] = edges();
    if (event.clientY > box.bottom) return;
    const share = ((event.clientX - box.left) / box.width - start) / (end - start);
    show(isLine ? Math.round(share * last) : Math.floor(share * (last + 1)));
  };
  say();
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerdown", point);
  chart.addEventListener("focus", () => show(current));
  chart.addEventListener("keydown", (event) => {
    const column = { ArrowLeft: current - 1, ArrowDown: current - 1, ArrowRight: current + 1, ArrowUp: current + 1, Home: 0, End: last }[event.key];
    if (column === undefined) return;
    event.preventDefault();
    show(column);
  });
}
