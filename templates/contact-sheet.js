/* The contact sheet: filters, sorts and enlarges. A cell gets its picture when it comes near the window. */
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const value = (field, at) => (data[field] ? data[field][at] : null);
  const all = data.picture.map((_, at) => at);
  const rows = { shown: [], cells: new Map() };
  const waiting = new Set(); // cells whose thumbnail has not arrived yet: the file is still being read

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) { element.textContent = text; element.dir = "auto"; }
    return element;
  }

  // ---- pictures
  function arrived(at) { // a block is there before its text is, while the file is still being read
    const block = $("t" + data.picture[at]);
    return block !== null && (block.nextSibling !== null || document.readyState !== "loading");
  }

  function picture(at, alt) {
    const found = JSON.parse($("t" + data.picture[at]).textContent);
    if (!found.jpeg) return make("span", "broken", found.reason);
    const image = make("img");
    image.alt = alt;
    image.src = "data:image/jpeg;base64," + found.jpeg;
    return image;
  }

  const rank = (at) => (value("rank", at) === null ? "" : "#" + value("rank", at));
  const score = (at) => (value("score", at) === null ? "" : value("score", at).toFixed(3));
  const stratum = (at) => (value("stratum", at) === value("group", at) ? null : value("stratum", at));
  const byQuery = () => $("apart").checked && !$("show-apart").hidden;
  const line = (...parts) => parts.filter(Boolean).join(" · ");
  // Where the heading is the query, as in a search, the property tells more.
  const asked = (at) => (value("query", at) === value("group", at) ? value("property_id", at) : value("query", at));
  const more = (at) => line(stratum(at), byQuery() ? "" : asked(at));

  function fill(cell, at) {
    if (!arrived(at)) { waiting.add(cell); return; }
    waiting.delete(cell);
    watcher.unobserve(cell);
    if (cell.firstChild) return;
    const name = [value("group", at), rank(at) && "rank " + value("rank", at), score(at) && "score " + score(at)].filter(Boolean).join(", ");
    const button = make("button", "cell");
    button.type = "button";
    button.append(picture(at, name), make("span", "numbers", line(rank(at), score(at)) || value("property_id", at) || ""));
    button.append(make("span", "more", more(at)));
    button.addEventListener("click", () => enlarge(at));
    button.addEventListener("focus", () => beside(cell)); // so that Tab never comes to an empty cell
    cell.append(button);
  }

  function beside(cell) {
    for (const other of [cell.previousElementSibling, cell.nextElementSibling]) {
      if (other) fill(other, Number(other.dataset.at));
    }
  }

  const watcher = new IntersectionObserver((seen) => {
    for (const entry of seen) {
      if (entry.isIntersecting) fill(entry.target, Number(entry.target.dataset.at));
      else waiting.delete(entry.target);
    }
  }, { root: document, rootMargin: "700px 0px" }); // named, since without it no margin counts inside another page

  const fillWaiting = () => waiting.forEach((cell) => fill(cell, Number(cell.dataset.at)));
  const arriving = setInterval(fillWaiting, 100);
  document.addEventListener("DOMContentLoaded", () => { clearInterval(arriving); fillWaiting(); count(); });
  window.addEventListener("beforeprint", () => rows.cells.forEach((cell, at) => fill(cell, at)));

  // ---- filters
  function tally(field, among) {
    const found = new Map();
    for (const at of among) if (value(field, at) !== null) found.set(value(field, at), (found.get(value(field, at)) || 0) + 1);
    return found;
  }

  function offer(id, field, among) {
    const found = tally(field, among), box = $(id), before = box.selectedOptions[0] && box.selectedOptions[0].name_;
    box.replaceChildren(new Option("All (" + among.length.toLocaleString("en") + ")"));
    box.options[0].name_ = null;
    for (const [name, number] of found) {
      // The two marks isolate the name, so that one written right to left leaves the count in place.
      const option = new Option("\u2068" + name + "\u2069 (" + number.toLocaleString("en") + ")");
      option.name_ = name;
      option.selected = name === before;
      box.append(option);
    }
    return found.size;
  }

  const chosen = (id) => $(id).selectedOptions[0].name_;
  const within = (id, field, among) => (chosen(id) === null ? among : among.filter((at) => value(field, at) === chosen(id)));

  function sorted(among) {
    const field = $("sort").value, sign = field === "score" ? -1 : 1;
    if (!field) return among;
    const key = (at) => (value(field, at) === null ? Infinity : sign * value(field, at));
    return [...among].sort((a, b) => (key(a) === key(b) ? a - b : key(a) - key(b)));
  }

  function apply() {
    const group = within("group", "group", all);
    $("show-query").hidden = offer("query", "query", group) < 2;
    const query = within("query", "query", group);
    $("show-stratum").hidden = !group.some((at) => stratum(at)) || offer("stratum", "stratum", query) < 2;
    rows.shown = sorted($("show-stratum").hidden ? query : within("stratum", "stratum", query));
    $("show-apart").hidden = $("show-query").hidden;
    draw();
  }

  // ---- the sheet
  function parts(field, among) {
    const found = new Map();
    for (const at of among) {
      if (!found.has(value(field, at))) found.set(value(field, at), []);
      found.get(value(field, at)).push(at);
    }
    return found;
  }

  function heading(tag, text, number) {
    const title = make(tag), name = make("bdi", "", text);
    title.append(name, " ", make("span", "number", number.toLocaleString("en")));
    return title;
  }

  function grid(among) {
    const list = make("ol", among.some(more) ? "grid" : "grid short");
    for (const at of among) {
      const cell = make("li");
      cell.dataset.at = at;
      rows.cells.set(at, cell);
      list.append(cell);
      watcher.observe(cell);
    }
    return list;
  }

  function draw() {
    watcher.disconnect();
    waiting.clear();
    rows.cells.clear();
    const sheet = document.createDocumentFragment(), order = [];
    const found = parts("group", rows.shown);
    for (const name of tally("group", all).keys()) {
      if (!found.has(name)) continue;
      const section = make("section");
      section.append(heading("h2", name, found.get(name).length));
      const divided = byQuery() ? parts("query", found.get(name)) : new Map([[null, found.get(name)]]);
      for (const [query, entries] of divided) {
        if (query !== null) section.append(heading("h3", query, entries.length));
        section.append(grid(entries));
        order.push(...entries);
      }
      sheet.append(section);
    }
    rows.shown = order;
    if (!order.length) sheet.append(make("p", "none", "No candidates."));
    $("sheet").replaceChildren(sheet);
    count();
  }

  function count() {
    const images = new Set(rows.shown.map((at) => data.picture[at]));
    const broken = [...document.querySelectorAll("script.broken")].filter((block) => images.has(Number(block.id.slice(1)))).length;
    const candidates = rows.shown.length.toLocaleString("en") + " of " + all.length.toLocaleString("en") + " candidates";
    $("shown").textContent = line(candidates, images.size === rows.shown.length ? "" : images.size.toLocaleString("en") + " images", broken ? broken.toLocaleString("en") + " not readable" : "");
  }

  function toTop() {
    const top = $("sheet").offsetTop - document.querySelector("nav").offsetHeight;
    if (window.scrollY > top) window.scrollTo(0, top);
  }

  // ---- one image
  let current = 0;

  function receipt(at) {
    const photo = data.pictures[data.picture[at]];
    const others = all.filter((other) => other !== at && data.picture[other] === data.picture[at]).map((other) => value("group", other));
    const chance = value("chance", at);
    return [
      ["Rank", value("rank", at)], ["Score", value("score", at) === null ? null : value("score", at).toFixed(4)],
      ["Query", value("query", at)], ["Stratum", value("stratum", at)], ["Property", value("property_id", at)],
      ["Chance of being drawn", chance === null ? null : (100 * chance).toPrecision(3) + " %"],
      ["Also drawn for", others.length ? [...new Set(others)].join(", ") : null],
      ["Image", photo.id], ["File", photo.uri],
    ].filter((pair) => pair[1] !== null);
  }

  function enlarge(at) {
    current = at;
    const box = $("large"), facts = box.querySelector("dl"), photo = data.pictures[data.picture[at]];
    box.querySelector(".picture").replaceChildren(arrived(at) ? picture(at, value("group", at)) : make("span"));
    $("large-title").textContent = value("group", at);
    facts.replaceChildren();
    for (const [name, text] of receipt(at)) facts.append(make("dt", "", name), make("dd", "", text));
    if (photo.link && location.href !== "about:srcdoc") { // inside another page the link would start elsewhere
      const link = make("a", "", "Open it in full");
      link.href = photo.link;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      const place = make("dd");
      place.append(link);
      facts.append(make("dt", "", "Original"), place);
    }
    const place = rows.shown.indexOf(at);
    $("back").disabled = place <= 0;
    $("on").disabled = place === rows.shown.length - 1;
    if (!box.open) { box.showModal(); $("close").focus(); } // not the link, which goes away with its image
  }

  function step(by) {
    const next = rows.shown[rows.shown.indexOf(current) + by];
    if (next !== undefined) enlarge(next);
  }

  document.addEventListener("keydown", (event) => {
    if (!$("large").open) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  $("large").addEventListener("click", (event) => { if (event.target === $("large")) $("large").close(); });
  $("large").addEventListener("close", () => {
    const cell = rows.cells.get(current);
    fill(cell, current);
    cell.scrollIntoView({ block: "nearest" });
    if (cell.firstChild) cell.firstChild.focus({ preventScroll: true });
  });
  $("back").addEventListener("click", () => step(-1));
  $("on").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => $("large").close());

  // ---- start
  if (data.rank) $("sort").append(new Option("rank", "rank"));
  if (data.score) $("sort").append(new Option("score", "score"));
  if (!data.rank) $("sort").prepend(new Option("as listed", "", true, true));
  offer("group", "group", all);
  for (const id of ["group", "query", "stratum", "sort", "apart"]) $(id).addEventListener("change", () => { apply(); toTop(); });
  apply();
})();
