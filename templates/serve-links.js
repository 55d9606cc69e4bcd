/* Personal links that can be copied; the owner's page adds to them. */
(function () {
  "use strict";
  const element = window.serve.element, list = document.getElementById("links");

  window.serve.addLink = function (link) {
    const line = element("li"), name = element("b", link.name), url = element("input"), copy = element("button", "Copy");
    name.dir = "auto";
    url.readOnly = true;
    url.value = link.url;
    url.setAttribute("aria-label", "Link of " + link.name);
    copy.type = "button";
    line.append(name, url, copy);
    list.append(line);
  };

  list.addEventListener("click", async function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    const url = button.parentNode.querySelector("input");
    url.select();
    // The clipboard is there for pages over TLS and on this machine only.
    try { await navigator.clipboard.writeText(url.value); } catch (error) { document.execCommand("copy"); }
    button.textContent = "Copied";
    setTimeout(function () { button.textContent = "Copy"; }, 2000);
  });
})();
