/* What the pages of an annotator and of the owner share: requests, small elements, dark and light. */
window.serve = (function () {
  "use strict";

  function meta(name) { return document.querySelector('meta[name="' + name + '"]').content; }

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  /* An answer of the server; throws {lost: true} without a connection, {status, kind, message} else. */
  async function ask(path, body, keepalive) {
    const options = body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF": meta("csrf") },
      body: JSON.stringify(body),
      keepalive: !!keepalive
    };
    let response, found = null;
    try {
      response = await fetch(path, options);
      if (response.status !== 204) found = await response.json();
    } catch (error) {
      if (!response || response.ok || response.status >= 500) throw { lost: true, message: "No connection." };
    }
    if (response.status >= 500 || response.status === 429) throw { lost: true, message: "The server is busy." };
    if (!response.ok) {
      const what = found && found.error || "The server refused (" + response.status + ").";
      throw { lost: false, status: response.status, kind: found && found.kind, message: what };
    }
    return found;
  }

  // Frames follow the colour scheme of the page around them.
  function theme() {
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = localStorage.getItem("theme") || (dark ? "dark" : "light");
    document.getElementById("theme").addEventListener("click", function () {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    });
  }

  theme();
  return { ask: ask, element: element, meta: meta };
})();
