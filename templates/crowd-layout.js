/* Elements of Amazon's that only show something; see crowd-shim.js, which is loaded first. One that
   is in none of these files gets a warning before it. */
(function () {
  "use strict";
  if (!window.crowdShim) return;  // a workspace's own copy of the shim, from before these files

  var styled = window.crowdShim.styled, text = window.crowdShim.text, FOCUS = window.crowdShim.FOCUS;
  var LINK = "min-height: 44px; padding: 0 6px; border: 0; color: var(--accent, #1d5bd8); background: none; font: inherit; text-decoration: underline; cursor: pointer";
  var CARD = "border: 1px solid var(--line, #ccc); border-radius: 12px";
  var HEADING = "h2, h3 { margin: 0 0 8px; font-size: 1.05em }";

  class CrowdAlert extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: block; padding: 11px 14px; border-radius: 10px; color: var(--ink, #18212c); background: var(--none-wash, #eceff3); font-size: 15px; line-height: 1.4 }" +
        ":host([type=error]) { color: var(--bad, #b3261e); background: var(--bad-wash, #fdecea) }" +
        ":host([type=warning]) { color: var(--unsure, #8a5a00); background: var(--unsure-wash, #fff3d9) }" +
        ":host([type=success]) { border-inline-start: 4px solid var(--good, #1b7a3d) }" +
        "button { float: right; border: 0; color: inherit; background: none; font: inherit; cursor: pointer } :host(:not([dismissible])) button { display: none } " + FOCUS,
        '<button type="button" aria-label="Close">✕</button><slot></slot>');
      this.shadowRoot.querySelector("button").addEventListener("click", this.remove.bind(this));
    }
  }

  class CrowdTabs extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: block } [role=tablist] { display: flex; flex-wrap: wrap; gap: 4px; border-bottom: 1px solid var(--line, #ccc) }" +
        "button { min-height: 44px; padding: 0 16px; border: 0; border-bottom: 3px solid transparent; color: inherit; background: none; font: inherit; cursor: pointer }" +
        "button[aria-selected=true] { border-color: var(--accent, #1d5bd8); font-weight: 600 } " + FOCUS,
        '<div role="tablist"></div><slot></slot>');
      this._list = this.shadowRoot.firstChild;
      this.shadowRoot.querySelector("slot").addEventListener("slotchange", this._build.bind(this));
      this._list.addEventListener("keydown", this._key.bind(this));
    }
    _tabs() { return Array.from(this.querySelectorAll(":scope > crowd-tab")); }
    _build() {
      var tabs = this._tabs();
      this._list.replaceChildren.apply(this._list, tabs.map(function (tab) {
        var button = document.createElement("button");
        button.type = "button";
        button.setAttribute("role", "tab");
        button.textContent = text(tab, "header");
        button.addEventListener("click", tab.reveal.bind(tab));
        return button;
      }));
      if (tabs.length) this.show(tabs.filter(function (tab) { return tab === this._shown; }, this)[0] || tabs[0]);
    }
    show(shown) {
      this._shown = shown;
      this._tabs().forEach(function (tab, at) {
        var button = this._list.children[at];
        tab.hidden = tab !== shown;
        if (!button) return;
        button.setAttribute("aria-selected", String(tab === shown));
        button.tabIndex = tab === shown ? 0 : -1;
      }, this);
    }
    _key(event) {
      var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], buttons = this._list.children;
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      var at = Array.from(buttons).indexOf(event.target);
      var next = buttons[(at + step + buttons.length) % buttons.length];
      next.click();
      next.focus();
    }
  }

  class CrowdTab extends HTMLElement {
    constructor() {
      super();
      styled(this, ":host { display: block; padding: 14px 0 } :host([hidden]) { display: none }", "<slot></slot>");
    }
    connectedCallback() {
      this.setAttribute("role", "tabpanel");
      this.setAttribute("aria-label", text(this, "header"));
    }
    reveal() { this.closest("crowd-tabs").show(this); }
  }

  class CrowdCard extends HTMLElement {
    constructor() {
      super();
      styled(this, ":host { display: block; padding: 14px; " + CARD + " } img { max-width: 100%; border-radius: 8px } [hidden] { display: none } " + HEADING,
        '<img alt="" hidden><h2 hidden></h2><slot></slot>');
    }
    connectedCallback() {
      var image = this.shadowRoot.querySelector("img"), heading = this.shadowRoot.querySelector("h2");
      image.hidden = !this.hasAttribute("image");
      if (!image.hidden) image.src = this.getAttribute("image");
      heading.textContent = text(this, "heading");
      heading.hidden = !heading.textContent;
    }
  }

  // A link or button that opens what is inside.
  class CrowdModal extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: block } .open { " + LINK + " } .open.button, .close { min-height: 44px; padding: 0 18px; " + CARD + "; color: inherit; background: none; font: inherit; text-decoration: none; cursor: pointer }" +
        "dialog { box-sizing: border-box; width: min(640px, 100%); max-height: 90vh; overflow: auto; padding: 22px 24px; border: 0; border-radius: 16px; color: var(--ink, #18212c); background: var(--card, #fff) } dialog::backdrop { background: rgb(8 12 18 / .6) } .close { margin-top: 14px } " + HEADING + FOCUS,
        '<button type="button" class="open" aria-haspopup="dialog"></button><dialog aria-labelledby="title"><h2 id="title"></h2><slot></slot><button type="button" class="close">Close</button></dialog>');
      var root = this.shadowRoot, dialog = root.querySelector("dialog");
      root.querySelector(".open").addEventListener("click", dialog.showModal.bind(dialog));
      root.querySelector(".close").addEventListener("click", dialog.close.bind(dialog, ""));
      // Keys of the task stay away from it while this is open.
      dialog.addEventListener("keydown", function (event) { event.stopPropagation(); });
    }
    connectedCallback() {
      var open = this.shadowRoot.querySelector(".open");
      open.textContent = text(this, "link-text", this.constructor.words);
      open.classList.toggle("button", text(this, "link-type") === "button");
      this.shadowRoot.getElementById("title").textContent = text(this, "header", open.textContent);
    }
    static get words() { return "More"; }
  }
  class CrowdInstructions extends CrowdModal { static get words() { return "View instructions"; } }
  class FullInstructions extends CrowdModal { static get words() { return "View full instructions"; } }

  function part(name, words) {
    customElements.define(name, class extends HTMLElement {
      constructor() {
        super();
        styled(this, ":host { display: block; margin: 10px 0 } " + HEADING, (words ? "<h3>" + words + "</h3>" : "") + "<slot></slot>");
      }
    });
  }
  part("short-summary", "");
  part("short-instructions", "");
  part("detailed-instructions", "Instructions");
  part("positive-example", "Good example");
  part("negative-example", "Bad example");
  customElements.define("full-instructions", FullInstructions);
  customElements.define("crowd-alert", CrowdAlert);
  customElements.define("crowd-tabs", CrowdTabs);
  customElements.define("crowd-tab", CrowdTab);
  customElements.define("crowd-card", CrowdCard);
  customElements.define("crowd-modal", CrowdModal);
  customElements.define("crowd-instructions", CrowdInstructions);

  document.addEventListener("DOMContentLoaded", function () {
    var unknown = Array.from(document.querySelectorAll(":not(:defined)")).filter(function (element) {
      return element.localName.indexOf("crowd-") === 0;
    });
    unknown.forEach(function (element) {
      var warning = document.createElement("crowd-alert");
      warning.setAttribute("type", "warning");
      warning.textContent = "<" + element.localName + "> works in Ground Truth only; this page cannot show it.";
      element.before(warning);
    });
  });
})();
