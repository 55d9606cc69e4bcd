/* Fills the owner's page, again every few seconds. */
(function () {
  "use strict";
  const ask = window.serve.ask, element = window.serve.element, REFRESH = 5000;
  const CHANGES = { active: ["paused", "excluded"], paused: ["active", "excluded"], excluded: ["active"], revoked: [] };
  const WORDS = { active: "Activate", paused: "Pause", excluded: "Exclude" };

  function at(id) { return document.getElementById(id); }
  function notice(text) { at("notice").textContent = text; at("notice").hidden = !text; }
  function share(value) { return value === null ? "–" : Math.round(100 * value) + " %"; }
  function range(pair) { return pair ? Math.round(100 * pair[0]) + "–" + Math.round(100 * pair[1]) + " %" : "–"; }
  function row(cells) {
    const line = element("tr");
    cells.forEach(function (cell) {
      const place = element("td");
      place.append(...(Array.isArray(cell) ? cell : [String(cell)]));
      line.append(place);
    });
    return line;
  }

  function figures(progress) {
    at("share").max = Math.max(progress.images, 1);
    at("share").value = progress.done;
    at("rule").textContent = "Each photo: " + progress.rule;
    const shown = { "Photos done": progress.done + " of " + progress.images, "Answers": progress.answers, "Answers in the last hour": progress.per_hour };
    if (progress.broken) shown["Broken photos"] = progress.broken;
    if (progress.short) shown["Photos without enough people"] = progress.short;
    if (progress.annotators_short) shown["People missing"] = progress.annotators_short;
    at("figures").replaceChildren(...Object.entries(shown).map(function (entry) {
      const pair = element("div");
      pair.append(element("dt", entry[0]), element("dd", String(entry[1])));
      return pair;
    }));
  }

  function person(entry) {
    const who = entry.annotator, state = [element("span", who.state, "state " + who.state)];
    if (who.reason) state.push(element("span", who.reason, "why"));
    const buttons = CHANGES[who.state].map(function (to) {
      const button = element("button", WORDS[to], to === "excluded" ? "danger" : "");
      button.type = "button";
      button.setAttribute("aria-label", WORDS[to] + " " + who.name);
      button.addEventListener("click", function () { change(who, to); });
      return button;
    });
    return row([who.name, state, entry.answers, entry.median_seconds === null ? "–" : entry.median_seconds.toFixed(1),
      entry.golden_images, range(entry.recall) + " (" + entry.golden_hits + "/" + entry.golden_positives + ")",
      range(entry.precision) + " (" + entry.golden_hits + "/" + entry.golden_ticks + ")", entry.skipped + entry.broken, buttons]);
  }

  function picture(image, lines) {
    const figure = element("figure"), link = element("a"), photo = element("img"), caption = element("figcaption");
    photo.src = link.href = "/image/" + encodeURIComponent(image);
    photo.alt = "Photo " + image;
    photo.loading = "lazy";
    link.append(photo);
    caption.append(...lines);
    figure.append(link, caption);
    return figure;
  }

  function fill(report) {
    const names = report.class_names;
    figures(report.progress);
    at("people").replaceChildren(...report.annotators.map(person));
    at("over").textContent = "Over the latest " + report.agreement_images + " photos that were answered.";
    at("classes").replaceChildren(...report.classes.map(function (entry) {
      return row([names[entry.class_id] || entry.class_id, entry.votes, entry.yes, share(entry.agreement),
        entry.alpha === null ? "–" : entry.alpha.toFixed(2)]);
    }));
    const split = report.disagreements.map(function (entry) {
      return picture(entry[0], Object.entries(entry[1]).map(function (votes) {
        const line = element("span", names[votes[0]] || votes[0]);
        line.append(element("b", votes[1][0] + " yes, " + votes[1][1] + " no"));
        return line;
      }));
    });
    at("split").replaceChildren(...(split.length ? split : [element("p", "Nowhere yet.", "soft")]));
    at("broken").replaceChildren(...report.broken_images.map(function (image) { return picture(image, [image]); }));
    at("broken-card").hidden = !report.broken_images.length;
    at("fresh").textContent = "as of " + new Date().toLocaleTimeString();
  }

  let shown = "";
  async function refresh() {
    if (document.hidden) return;
    try {
      const report = await ask("/api/owner"), text = JSON.stringify(report);
      // Rebuilt only where something changed, so that focus and pictures stay.
      if (text !== shown) fill(report);
      shown = text;
      if (/^No connection/.test(at("notice").textContent)) notice("");
    } catch (problem) { notice(problem.message); }
  }

  async function change(who, state) {
    try {
      const found = await ask("/api/owner/annotator", { id: who.id, state: state });
      notice(found.reopened ? found.reopened + " photos are open again." : "");
    } catch (problem) { notice(problem.message); }
    refresh();
  }

  at("make").addEventListener("submit", async function (event) {
    event.preventDefault();
    try {
      const found = await ask("/api/owner/links", { count: Number(at("count").value) });
      found.links.forEach(window.serve.addLink);
      at("made").hidden = false;
    } catch (problem) { notice(problem.message); }
    refresh();
  });
  refresh();
  setInterval(refresh, REFRESH);
})();
