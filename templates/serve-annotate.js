/* Around the task: fetches pages, keeps drafts, sends answers until they arrive. */
(function () {
  "use strict";
  const ask = window.serve.ask, element = window.serve.element, meta = window.serve.meta;
  const UNSENT = "unsent", SAVE_AFTER = 800, SAVE_EVERY = 4000, LONGEST_PAUSE = 10000;
  const SKIP = ["I do not know such places", "I would rather not judge this photo", "I know this place"];
  const BROKEN = ["It does not load", "It is blank or damaged", "It is no photo"];
  const frame = at("task");
  let task = null;      // what the server gave
  let answer = null;    // as it is ticked now
  let dirty = false;    // ticked since the last draft
  let busy = false;     // between an answer and the next task
  let spent = 0, since = null, timer = 0;

  function at(id) { return document.getElementById(id); }
  function wait(milliseconds) { return new Promise(function (go) { setTimeout(go, milliseconds); }); }
  function tell(kind, more) { frame.contentWindow.postMessage(Object.assign({ kind: kind }, more), location.origin); }
  function notice(text) { at("notice").textContent = text; at("notice").hidden = !text; }
  // Keys go to the task again once something around it was used.
  function toTask() { if (task && !document.querySelector("dialog[open]")) frame.contentWindow.focus(); }

  // Only the time that the page is seen counts.
  function clock(running) {
    const now = performance.now();
    if (since !== null) spent += now - since;
    since = running ? now : null;
  }

  /* Repeat until there is an answer; refusals are thrown. */
  async function surely(path, body) {
    for (let pause = 1000; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        const found = await ask(path, body);
        notice("");
        return found;
      } catch (problem) {
        if (!problem.lost) throw problem;
        notice(body && body.content
          ? problem.message + " Your answer is kept here and is sent again; leave this page open."
          : problem.message + " Trying again …");
        await wait(pause);
      }
    }
  }

  function refused(problem) {
    if (problem.kind === "csrf") return location.reload();
    if (problem.status === 401 || problem.status === 403) return end("Stopped", problem.message, false);
    notice(problem.message);
  }

  function end(title, text, done) {
    task = null;
    clock(false);
    frame.hidden = true;
    frame.src = "about:blank";
    at("end-title").textContent = title;
    at("end-text").textContent = text;
    at("end").classList.toggle("stopped", !done);
    at("end").hidden = false;
    at("look").hidden = !done;
    const link = meta("completion");
    at("completion").hidden = !(done && /^https?:\/\//.test(link));
    if (!at("completion").hidden) at("completion").href = link;
    at("skip").disabled = at("broken").disabled = true;
    at("end").focus();
  }

  function show(found) {
    task = found;
    answer = found.draft || found.earlier || null;
    dirty = false;
    spent = 0; since = null;
    at("end").hidden = true;
    at("skip").disabled = at("broken").disabled = !!found.earlier;
    at("saved").textContent = found.earlier ? "Correcting" : found.draft ? "Draft" : "";
    progress(found.done, found.left);
    frame.hidden = false;
    frame.contentWindow.location.replace(found.page);
  }

  function progress(done, left) {
    at("share").max = Math.max(done + left, 1);
    at("share").value = done;
    at("place").textContent = done + " done" + (left ? ", " + left + " left" : "");
  }

  async function pace() {
    const found = await ask("/api/pace");
    progress(found.done, found.left);
    at("speed").textContent = (found.median_seconds ? Math.round(found.median_seconds) + " s a photo, " : "") + found.today + " today";
  }

  // The photos that come next are in the browser's cache when their turn comes.
  async function prefetch() {
    if (navigator.connection && navigator.connection.saveData) return;
    (await ask("/api/ahead")).forEach(function (address) { element("img").src = address; });
  }

  async function next() {
    const found = await surely("/api/next");
    if (found) show(found);
    else end("All done. Thank you!", "There is no photo left for you. Your answers are stored.", true);
    pace().catch(function () {});
  }

  async function send(content) {
    clock(false);
    const body = { image_id: task.image_id, lease: task.lease, content: content, seconds: Math.round(spent / 100) / 10 };
    sessionStorage.setItem(UNSENT, JSON.stringify(body));
    await deliver(body);
  }

  // A refused answer cannot arrive later either; one that is wrong stays on the page to be mended.
  async function deliver(body) {
    let problem = null;
    try { await surely("/api/submit", body); } catch (thrown) { problem = thrown; }
    sessionStorage.removeItem(UNSENT);
    if (problem && (problem.status === 401 || problem.status === 403)) throw problem;
    if (problem && problem.status === 400 && task) {
      tell("crowd-again");
      clock(true);
      throw problem;
    }
    await next();
    if (problem) notice(problem.message);
  }

  /* One thing at a time; a second click or key does nothing. */
  async function alone(work) {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    dirty = false;
    try { await work(); } catch (problem) { refused(problem); } finally { busy = false; }
  }

  function draft(last) {
    if (!task || !dirty || busy) return;
    const held = task;
    dirty = false;
    ask("/api/draft", { image_id: held.image_id, lease: held.lease, draft: answer }, last).then(function () {
      if (task !== held) return;
      at("saved").textContent = "Saved";
      if (/^No connection/.test(at("notice").textContent)) notice("");
    }, function (problem) {
      if (task !== held) return;
      if (!problem.lost) return refused(problem);
      dirty = true;
      notice("No connection. What you ticked is kept here and is saved again.");
    });
  }

  async function recent() {
    const found = await ask("/api/recent"), list = at("recent-list");
    list.replaceChildren();
    found.forEach(function (entry, place) {
      const button = element("button"), picture = element("img"), line = element("li");
      button.value = entry.image_id;
      picture.src = "/image/" + encodeURIComponent(entry.image_id);
      picture.alt = "";
      button.append(picture, element("span", (place + 1) + ". " + new Date(entry.submitted).toLocaleTimeString()));
      line.append(button);
      list.append(line);
    });
    if (!found.length) list.append(element("li", "You have not answered any photo yet.", "soft"));
    at("recent").returnValue = "";
    at("recent").showModal();
  }

  function leave(path) {
    if (!task || task.earlier || busy) return;
    const skip = path === "/api/skip", dialog = at("leave");
    at("leave-title").textContent = skip ? "Why do you skip this photo?" : "What is wrong with the photo?";
    at("leave-yes").textContent = skip ? "Skip" : "Report";
    at("leave-words").value = "";
    at("reasons").replaceChildren();
    (skip ? SKIP : BROKEN).forEach(function (words, place) {
      const label = element("label"), button = element("input");
      button.type = "radio"; button.name = "reason"; button.value = words; button.checked = !place;
      label.append(button, " " + words);
      at("reasons").append(label);
    });
    dialog.dataset.path = path;
    dialog.returnValue = "";
    dialog.showModal();
  }

  function guidelines(open) {
    at("guidelines").hidden = !open;
    at("guide").setAttribute("aria-expanded", String(open));
    if (open && !at("guidelines-page").getAttribute("src")) at("guidelines-page").src = "/guidelines";
    at(open ? "guide-close" : "guide").focus();
    if (!open) toTask();
  }

  function onMessage(event) {
    const data = event.data;
    if (event.source !== frame.contentWindow || event.origin !== location.origin || !task || !data) return;
    if (data.kind === "crowd-ready") {
      if (answer) tell("crowd-fill", { answer: answer });
      clock(!document.hidden);
      toTask();
      prefetch().catch(function () {});
    } else if (data.kind === "crowd-change") {
      if (busy || JSON.stringify(data.answer) === JSON.stringify(answer)) return;
      answer = data.answer;
      dirty = true;
      clearTimeout(timer);
      timer = setTimeout(draft, SAVE_AFTER);
    } else if (data.kind === "crowd-answer") {
      alone(function () { return send(data.answer); });
    } else if (data.kind === "crowd-key") shortcut(data.key);
  }

  function shortcut(key) {
    if (document.querySelector("dialog[open]")) return;
    if (/^b$/i.test(key)) at("back").click();
    else if (/^s$/i.test(key)) at("skip").click();
    else if (/^g$/i.test(key)) at("guide").click();
    else if (key === "Escape" && !at("guidelines").hidden) guidelines(false);
  }

  window.addEventListener("message", onMessage);
  window.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    shortcut(event.key);
  });
  document.addEventListener("visibilitychange", function () {
    if (task && !busy) clock(!document.hidden);
    if (document.hidden) draft(true);
  });
  window.addEventListener("pagehide", function () { draft(true); });
  setInterval(draft, SAVE_EVERY);
  at("back").addEventListener("click", function () { recent().catch(refused); });
  at("skip").addEventListener("click", function () { leave("/api/skip"); });
  at("broken").addEventListener("click", function () { leave("/api/broken"); });
  at("theme").addEventListener("click", toTask);
  at("look").addEventListener("click", function () { alone(next); });
  at("guide").addEventListener("click", function () { guidelines(at("guidelines").hidden); });
  at("guide-close").addEventListener("click", function () { guidelines(false); });
  at("recent").addEventListener("close", function () {
    const image = at("recent").returnValue;
    toTask();
    if (image) draft();
    if (image) alone(async function () { show(await surely("/api/again", { image_id: image })); });
  });
  at("leave").addEventListener("close", function () {
    toTask();
    if (at("leave").returnValue !== "yes" || !task) return;
    const chosen = at("reasons").querySelector(":checked").value, words = at("leave-words").value.trim();
    const body = { image_id: task.image_id, lease: task.lease, reason: words ? chosen + ": " + words : chosen };
    alone(async function () { await surely(at("leave").dataset.path, body); await next(); });
  });

  const unsent = sessionStorage.getItem(UNSENT);
  alone(function () { return unsent ? deliver(JSON.parse(unsent)) : next(); });
})();
