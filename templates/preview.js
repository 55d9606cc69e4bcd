/* Shows the answer of a previewed task instead of sending it. */
(function () {
  "use strict";
  document.addEventListener("crowd-answer", function (event) {
    var panel = document.createElement("div");
    panel.id = "answer";
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", "The answer");
    panel.style.cssText = "position:fixed;inset:0;z-index:9;display:grid;place-items:center;padding:24px;background:rgb(8 12 18 / .6)";
    var card = document.createElement("div");
    card.style.cssText = "width:min(640px,100%);max-height:100%;overflow:auto;padding:22px 24px;border-radius:16px;color:var(--ink);background:var(--card)";
    var title = document.createElement("h2");
    title.textContent = "The answer, as the service stores it";
    title.style.cssText = "margin:0 0 12px;font-size:18px";
    var text = document.createElement("pre");
    text.textContent = JSON.stringify(event.detail, null, 2);
    text.style.cssText = "margin:0 0 16px;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap";
    var again = document.createElement("button");
    again.type = "button";
    again.textContent = "Answer again";
    again.style.cssText = "min-height:44px;padding:0 20px;border:0;border-radius:10px;color:var(--on-accent);background:var(--accent);font:600 16px system-ui,sans-serif;cursor:pointer";
    again.addEventListener("click", function () {
      document.querySelector("crowd-form").reset();
      panel.remove();
    });
    card.append(title, text, again);
    panel.append(card);
    document.body.append(panel);
    again.focus();
  });
})();
