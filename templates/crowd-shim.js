/* A stand-in for the part of crowd-html-elements.js that task pages use, so that they work without
   Amazon's service: crowd-form, crowd-checkbox, crowd-button, crowd-alert. Written from the behaviour
   that AWS documents; none of its code is here. A valid submit dispatches the event "crowd-answer" on
   the document, with the answer as Ground Truth's answerContent in event.detail.

   In a frame of a page of the same server it also talks to that page, by messages {kind, answer}:
   "crowd-ready", "crowd-change" (any box, by any means), "crowd-answer" and "crowd-key" (a key that
   the task left alone) go up; "crowd-fill" (tick what an answer says) and "crowd-again" (the answer
   did not arrive, submit may come again) come down. */
(function () {
  "use strict";

  // Pages of a file or a sandbox have the origin "null": nobody is told anything there.
  var framed = window.parent !== window && window.origin !== "null";
  function tell(kind, more) {
    if (framed) window.parent.postMessage(Object.assign({ kind: kind }, more), window.origin);
  }

  // A sheet that is adopted, since a strict Content-Security-Policy refuses style elements.
  function styled(element, css, html) {
    var sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    var root = element.attachShadow({ mode: "open" });
    root.innerHTML = html;
    root.adoptedStyleSheets = [sheet];
  }

  // Once for all boxes that change together.
  var changing = false;
  function changed() {
    if (changing || !framed) return;
    changing = true;
    setTimeout(function () {
      changing = false;
      var form = document.querySelector("crowd-form");
      if (form) tell("crowd-change", { answer: form.answer() });
    }, 0);
  }

  function reflected(kind, names) {
    names.forEach(function (name) {
      Object.defineProperty(kind.prototype, name, {
        get: function () { return this.hasAttribute(name); },
        set: function (on) { this.toggleAttribute(name, !!on); }
      });
    });
  }

  class CrowdCheckbox extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: flex; align-items: center; gap: 9px; cursor: pointer; -webkit-user-select: none; user-select: none }" +
        ":host([disabled]) { opacity: .5; cursor: not-allowed }" +
        ".box { box-sizing: border-box; flex: none; width: 21px; height: 21px; border: 2px solid var(--paper-checkbox-unchecked-color, #757575); border-radius: 6px; display: grid; place-items: center }" +
        ":host([checked]) .box { border-color: var(--paper-checkbox-checked-color, #1d5bd8); background: var(--paper-checkbox-checked-color, #1d5bd8) }" +
        "svg { width: 13px; height: 13px; fill: none; stroke: var(--paper-checkbox-checkmark-color, #fff); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; opacity: 0 }" +
        ":host([checked]) svg { opacity: 1 }" +
        ".label { flex: 1; min-width: 0; display: flex; align-items: center }",
        '<span class="box"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5 6.5 12 13 4.5"/></svg></span><span class="label"><slot></slot></span>');
      this.addEventListener("click", this._toggle.bind(this));
      this.addEventListener("keydown", this._key.bind(this));
    }
    static get observedAttributes() { return ["checked", "disabled"]; }
    connectedCallback() {
      this.setAttribute("role", "checkbox");
      if (!this.hasAttribute("tabindex")) this.tabIndex = 0;
      this._describe();
    }
    attributeChangedCallback() { this._describe(); changed(); }
    get name() { return this.getAttribute("name") || ""; }
    get value() { return this.hasAttribute("value") ? this.getAttribute("value") : "on"; }
    _describe() {
      this.setAttribute("aria-checked", String(this.checked));
      this.setAttribute("aria-disabled", String(this.disabled));
    }
    _toggle() {
      if (this.disabled) return;
      this.checked = !this.checked;
      this.dispatchEvent(new Event("change", { bubbles: true }));
    }
    _key(event) {
      if (event.key !== " " || event.target !== this) return;
      event.preventDefault();
      this._toggle();
    }
  }
  reflected(CrowdCheckbox, ["checked", "disabled", "required"]);

  class CrowdButton extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: inline-block; border-radius: 10px }" +
        "button { min-height: 44px; padding: 0 22px; border: 1px solid var(--line, #ccc); border-radius: 10px; color: inherit; background: none; font: 600 16px/1 system-ui, sans-serif; cursor: pointer }" +
        ":host([variant=primary]) button { border-color: transparent; color: var(--on-accent, #fff); background: var(--accent, #1d5bd8) }" +
        "button:hover { filter: brightness(1.08) } button:disabled { opacity: .5; cursor: not-allowed }" +
        "button:focus-visible { outline: 3px solid var(--accent, #1d5bd8); outline-offset: 2px }",
        '<button type="button"><slot></slot></button>');
      this.addEventListener("click", this._act.bind(this));
    }
    static get observedAttributes() { return ["disabled"]; }
    attributeChangedCallback() { this.shadowRoot.querySelector("button").disabled = this.disabled; }
    _act() {
      var form = this.closest("crowd-form");
      var action = this.getAttribute("form-action");
      if (this.disabled || !form) return;
      if (action === "submit") form.submit();
      if (action === "reset") form.reset();
    }
  }
  reflected(CrowdButton, ["disabled"]);

  class CrowdAlert extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: block; padding: 11px 14px; border-radius: 10px; color: var(--ink, #18212c); background: var(--none-wash, #eceff3); font-size: 15px; line-height: 1.4 }" +
        ":host([type=error]) { color: var(--bad, #b3261e); background: var(--bad-wash, #fdecea) }" +
        ":host([type=warning]) { color: var(--unsure, #8a5a00); background: var(--unsure-wash, #fff3d9) }" +
        "button { float: right; border: 0; color: inherit; background: none; font: inherit; cursor: pointer } :host(:not([dismissible])) button { display: none }",
        '<button type="button" aria-label="Close">✕</button><slot></slot>');
      this.shadowRoot.querySelector("button").addEventListener("click", this.remove.bind(this));
    }
  }

  class CrowdForm extends HTMLElement {
    connectedCallback() {
      // Children are parsed later than the opening tag.
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", this._complete.bind(this));
      else this._complete();
    }
    _complete() {
      if (this.querySelector('crowd-button[form-action="submit"]')) return;
      var button = document.createElement("crowd-button");
      button.setAttribute("form-action", "submit");
      button.setAttribute("variant", "primary");
      button.textContent = "Submit";
      this.appendChild(button);
    }
    submit() {
      if (this._sent) return;
      var allowed = this.dispatchEvent(new Event("submit", { cancelable: true }));
      var missing = this.querySelector("crowd-checkbox[required]:not([checked])");
      if (missing) missing.focus();
      if (!allowed || missing) return;
      this._sent = true;
      document.dispatchEvent(new CustomEvent("crowd-answer", { detail: this.answer() }));
      tell("crowd-answer", { answer: this.answer() });
    }
    reset() {
      this._sent = false;
      this.querySelectorAll("crowd-checkbox").forEach(function (box) { box.checked = false; });
      this.dispatchEvent(new Event("change", { bubbles: true }));
    }
    fill(answer) {
      this.querySelectorAll("crowd-checkbox[name]").forEach(function (box) {
        var on = !!(answer[box.name] && answer[box.name][box.value] === true);
        if (on === box.checked) return;
        box.checked = on;
        box.dispatchEvent(new Event("change", { bubbles: true }));
      });
    }
    answer() {
      var content = {};
      this.querySelectorAll("crowd-checkbox[name]").forEach(function (box) {
        content[box.name] = content[box.name] || {};
        content[box.name][box.value] = box.checked;
      });
      this.querySelectorAll('input[type="hidden"][name]').forEach(function (input) { content[input.name] = input.value; });
      return content;
    }
  }

  customElements.define("crowd-checkbox", CrowdCheckbox);
  customElements.define("crowd-button", CrowdButton);
  customElements.define("crowd-alert", CrowdAlert);
  customElements.define("crowd-form", CrowdForm);

  window.addEventListener("message", function (event) {
    var form = document.querySelector("crowd-form"), data = event.data;
    if (!framed || event.source !== window.parent || event.origin !== window.origin || !form || !data) return;
    if (data.kind === "crowd-fill" && data.answer) form.fill(data.answer);
    if (data.kind === "crowd-again") form._sent = false;
  });
  // Last of all listeners: what the task uses itself was stopped before.
  window.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest && event.target.closest("input, textarea, select, [contenteditable]")) return;
    tell("crowd-key", { key: event.key });
  });

  function ready() {
    document.dispatchEvent(new Event("all-crowd-elements-ready"));
    setTimeout(function () { tell("crowd-ready"); }, 0);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
