// Language, view, one settlement alone, and the figures of the cell under the pointer or the cursor keys.
// Without it the page reads in English.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const map = document.querySelector(".map");
  const cursor = document.getElementById("cursor");
  const readout = document.getElementById("readout");
  const asked = new URLSearchParams(location.search);
  const alone = Object.hasOwn(data.settlements, asked.get("settlement")) ? data.settlements[asked.get("settlement")] : null;
  const at = new Map(data.cells.map((cell, index) => [cell[0] + "," + cell[1], index]));
  let current = -1;

  const texts = () => data.texts[root.lang];
  const number = (value) =>
    (value < 0 ? "−" : "") + String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, root.lang === "en" ? "," : "\u00a0");

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const interval = (low, high) => number(low) + "\u2060–\u2060" + number(high);

  function sayCell() {
    if (current < 0) { readout.textContent = texts()["cell.hint"]; return; }
    const [, , buildings, low, middle, high, share, kind] = data.cells[current];
    const values = {
      kind: texts().kinds[kind], share: texts().shares[share], buildings: number(buildings),
      residents: number(middle) + " (" + interval(low, high) + ")",
    };
    readout.textContent = fill(texts().cell, values);
  }

  // Instead of the city: the settlement's own figures, and the map around it.
  function sayAlone() {
    if (alone === null) return;
    const [low, middle, high] = alone.people ?? [];
    const values = {
      name: alone.names[root.lang], kind: texts().kinds[alone.kind], status: texts().statuses[alone.status],
      ...(alone.people && { interval: interval(low, high), middle: number(middle) }),
    };
    const which = alone.people ? "" : ".unknown";
    document.getElementById("headline").textContent = fill(texts()["alone" + which], values);
    document.getElementById("deck").textContent = fill(texts()["alone.deck" + which], values);
    document.title = values.name;
  }

  function lookAt([x, y]) {
    const box = map.viewBox.baseVal, [width, height] = [box.width, box.height];
    const zoom = Math.min(1, 6000 * data.scale / Math.min(width, height));
    map.style.setProperty("--zoom", zoom);
    map.setAttribute("viewBox", [x - width * zoom / 2, y - height * zoom / 2, width * zoom, height * zoom].join(" "));
    const mark = document.getElementById("mark");
    for (const [name, value] of [["cx", x], ["cy", y], ["r", data.cell * data.scale * 1.5], ["visibility", "visible"]])
      mark.setAttribute(name, value);
  }

  function choose(index) {
    current = index;
    cursor.setAttribute("visibility", index < 0 ? "hidden" : "visible");
    if (index >= 0) {
      const [column, row] = data.cells[index];
      cursor.setAttribute("x", (column * data.cell - data.west) * data.scale);
      cursor.setAttribute("y", (data.north - (row + 1) * data.cell) * data.scale);
    }
    sayCell();
  }

  function setLanguage(language) {
    root.lang = language;
    document.title = texts().title;
    map.setAttribute("aria-label", texts().alt);
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", texts()[node.dataset.label]);
    for (const button of document.querySelectorAll("[data-language]"))
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    sayCell();
    sayAlone();
  }

  function fromPointer(event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    const column = Math.floor((place.x / data.scale + data.west) / data.cell);
    const row = Math.floor((data.north - place.y / data.scale) / data.cell);
    const found = at.get(column + "," + row);
    if (found !== undefined) choose(found);
  }

  // The nearest cell in a direction: near ahead counts, far aside counts double.
  function step(dx, dy) {
    if (current < 0) { choose(data.cells.length ? 0 : -1); return; }
    const [column, row] = data.cells[current];
    let best = -1, least = Infinity;
    data.cells.forEach(([c, r], index) => {
      const ahead = (c - column) * dx + (r - row) * dy, aside = Math.abs((c - column) * dy) + Math.abs((r - row) * dx);
      if (ahead > 0 && ahead + 2 * aside < least) { least = ahead + 2 * aside; best = index; }
    });
    if (best >= 0) choose(best);
  }

  map.addEventListener("pointermove", fromPointer);
  map.addEventListener("click", fromPointer);
  map.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in ways)) return;
    event.preventDefault();
    step(...ways[event.key]);
  });
  for (const input of document.querySelectorAll("[name=view]")) {
    input.addEventListener("change", () => { document.body.dataset.view = input.value; });
    if (input.value === asked.get("view")) input.click();
  }
  for (const mode of ["plain", "dark"]) root.classList.toggle(mode, asked.has(mode));
  root.classList.toggle("alone", alone !== null);
  if (alone?.at) lookAt(alone.at);
  for (const button of document.querySelectorAll("[data-language]"))
    button.addEventListener("click", () => setLanguage(button.dataset.language));

  const wished = [asked.get("lang"), ...(navigator.languages || [])];
  const known = wished.map((name) => String(name).slice(0, 2).toLowerCase()).find((name) => name in data.texts);
  setLanguage(known || "en");

  // The page that embeds this one learns how high it is (embed.js). Nothing else is told, so to anyone.
  if (window.parent !== window) {
    const more = document.querySelector(".more");
    more.href = location.href.replace(/#.*/, "") + "#all";
    more.target = "_blank";
    more.rel = "noopener";
    const tell = () =>
      window.parent.postMessage({ novostroiki: data.area, height: Math.ceil(document.body.getBoundingClientRect().height) }, "*");
    new ResizeObserver(tell).observe(document.body);
    tell();
  }
})();
