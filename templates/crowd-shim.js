/* A stand-in for the part of crowd-html-elements.js that task pages use, so that they work without
   Amazon's service: here crowd-form, crowd-checkbox and crowd-button; other inputs are in
   crowd-inputs.js, what only shows something in crowd-layout.js.
   Written from the behaviour that AWS documents; none of its code is here. A valid submit dispatches
   the event "crowd-answer" on the document, with the answer as Ground Truth's answerContent in
   event.detail.

   Whatever of the form takes part in its answer has five methods: put(answer) adds what it says,
   take(answer) ticks or fills in what an answer says, clear() empties it, lacks() tells whether
   something required is missing, and complain() shows that. How Ground Truth stores plain input and select elements is documented
   for hidden ones only; here a box is {name: {value: bool}} and a text {name: "text"}.

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
  function styled(element, css, html, focuses) {
    var sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    var root = element.attachShadow({ mode: "open", delegatesFocus: !!focuses });
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

  var FOCUS = ":focus-visible { outline: 3px solid var(--accent, #1d5bd8); outline-offset: 2px }";

  // Attributes are there when an element is connected, children maybe later.
  function text(element, name, otherwise) { return element.getAttribute(name) || otherwise || ""; }

  function reflected(kind, names) {
    names.forEach(function (name) {
      Object.defineProperty(kind.prototype, name, {
        get: function () { return this.hasAttribute(name); },
        set: function (on) { this.toggleAttribute(name, !!on); }
      });
    });
  }

  // Same name, same object: {name: {value: bool}}, with an explicit false for what is not ticked.
  function putBox(answer, name, value, on) {
    if (!name) return;
    answer[name] = answer[name] || {};
    answer[name][value] = on;
  }
  function takesBox(answer, name, value) { return !!answer[name] && answer[name][value] === true; }

  var MARK =
    ":host { display: flex; align-items: center; gap: 9px; cursor: pointer; -webkit-user-select: none; user-select: none }" +
    ":host([disabled]) { opacity: .5; cursor: not-allowed }" +
    ".box { box-sizing: border-box; flex: none; width: 21px; height: 21px; border: 2px solid var(--paper-checkbox-unchecked-color, #757575); border-radius: 6px; display: grid; place-items: center }" +
    ":host([aria-invalid=true]) .box { border-color: var(--bad, #b3261e) }" +
    ":host([checked]) .box { border-color: var(--paper-checkbox-checked-color, #1d5bd8); background: var(--paper-checkbox-checked-color, #1d5bd8) }" +
    "svg { width: 13px; height: 13px; fill: none; stroke: var(--paper-checkbox-checkmark-color, #fff); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; opacity: 0 }" +
    ":host([checked]) svg { opacity: 1 }" +
    ".label { flex: 1; min-width: 0; display: flex; align-items: center }";

  // What checkboxes and radio buttons share.
  class Box extends HTMLElement {
    constructor(css, mark) {
      super();
      styled(this, MARK + css, '<span class="box"><svg viewBox="0 0 16 16" aria-hidden="true">' + mark + '</svg></span><span class="label"><slot></slot></span>');
      this.addEventListener("click", this._toggle.bind(this));
      this.addEventListener("keydown", this._key.bind(this));
    }
    static get observedAttributes() { return ["checked", "disabled"]; }
    connectedCallback() {
      this.setAttribute("role", this.constructor.role);
      if (!this.hasAttribute("tabindex")) this.tabIndex = 0;
      this._describe();
    }
    attributeChangedCallback() { this._describe(); changed(); }
    get name() { return this.getAttribute("name") || ""; }
    get value() { return this.hasAttribute("value") ? this.getAttribute("value") : "on"; }
    put(answer) { putBox(answer, this.name, this.value, this.checked); }
    take(answer) { this._set(takesBox(answer, this.name, this.value)); }
    clear() { this.checked = false; }
    lacks() { return false; }
    _describe() {
      this.setAttribute("aria-checked", String(this.checked));
      this.setAttribute("aria-disabled", String(this.disabled));
      if (this.checked) this.removeAttribute("aria-invalid");
    }
    _set(on) {
      if (on === this.checked) return;
      this.checked = on;
      this.dispatchEvent(new Event("change", { bubbles: true }));
    }
    _key(event) {
      if (event.key !== " " || event.target !== this) return;
      event.preventDefault();
      this._toggle();
    }
  }
  reflected(Box, ["checked", "disabled"]);

  class CrowdCheckbox extends Box {
    constructor() { super("", '<path d="M3 8.5 6.5 12 13 4.5"/>'); }
    static get role() { return "checkbox"; }
    lacks() { return this.required && !this.checked; }
    complain() {
      this.setAttribute("aria-invalid", "true");
      this.focus();
    }
    _toggle() { if (!this.disabled) this._set(!this.checked); }
  }
  reflected(CrowdCheckbox, ["required"]);

  class CrowdButton extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: inline-block; border-radius: 10px }" +
        "button { display: inline-flex; align-items: center; gap: 8px; min-height: 44px; padding: 0 22px; border: 1px solid var(--line, #ccc); border-radius: 10px; color: inherit; background: none; font: 600 16px/1 system-ui, sans-serif; cursor: pointer }" +
        ":host([variant=primary]) button { border-color: transparent; color: var(--on-accent, #fff); background: var(--accent, #1d5bd8) }" +
        ":host([variant=link]) button, :host([variant=icon]) button { padding: 0 6px; border-color: transparent; color: var(--accent, #1d5bd8) }" +
        ":host([variant=link]) button { text-decoration: underline } :host([icon-align=right]) button { flex-direction: row-reverse }" +
        "img { width: 18px; height: 18px } button:hover { filter: brightness(1.08) } button:disabled { opacity: .5; cursor: not-allowed }" +
        "button" + FOCUS,
        '<button type="button"><slot></slot></button>', true);
      this.addEventListener("click", this._act.bind(this));
    }
    static get observedAttributes() { return ["disabled", "loading", "icon-url"]; }
    attributeChangedCallback() {
      var button = this.shadowRoot.querySelector("button"), icon = button.querySelector("img");
      button.disabled = this.disabled || this.loading;
      button.setAttribute("aria-busy", String(this.loading));
      if (!this.hasAttribute("icon-url")) return;
      if (!icon) button.prepend(icon = new Image());
      icon.alt = "";
      icon.src = this.getAttribute("icon-url");
    }
    _act() {
      var form = this.closest("crowd-form"), action = this.getAttribute("form-action"), href = this.getAttribute("href");
      if (this.disabled || this.loading) return;
      if (form && action === "submit") form.submit();
      else if (form && action === "reset") form.reset();
      else if (/^(https?:|[^:]*$)/i.test(href || "") && href) window.open(href, this.getAttribute("target") || "_self", "noopener");
    }
  }
  reflected(CrowdButton, ["disabled", "loading"]);

  // A plain element of the form, as a part of the answer.
  class Plain {
    constructor(input) {
      this.input = input;
      this.box = input.type === "checkbox" || input.type === "radio";
      this.hidden = input.type === "hidden";
    }
    put(answer) {
      if (this.box) putBox(answer, this.input.name, this.input.value, this.input.checked);
      else if (this.hidden || this.input.value) answer[this.input.name] = this.input.value;
    }
    take(answer) {
      var name = this.input.name, text = answer[name];
      if (this.box) this.input.checked = takesBox(answer, name, this.input.value);
      else if (!this.hidden) this.input.value = typeof text === "string" ? text : "";
    }
    clear() { if (!this.hidden) this.take({}); }
    lacks() { return !this.input.checkValidity(); }
    complain() { this.input.reportValidity(); }
    closest(selector) { return this.input.closest(selector); }
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
    _parts() {
      return Array.from(this.querySelectorAll("*")).map(function (element) {
        if (element.put) return element;
        var plain = element.matches("input[name], textarea[name], select[name]");
        return plain && !/^(submit|reset|button|image|file)$/.test(element.type) ? new Plain(element) : null;
      }).filter(Boolean);
    }
    submit() {
      if (this._sent) return;
      var missing = this._parts().find(function (part) { return part.lacks(); });
      if (missing) return this._show(missing);
      if (!this.dispatchEvent(new Event("submit", { cancelable: true }))) return;
      this._sent = true;
      document.dispatchEvent(new CustomEvent("crowd-answer", { detail: this.answer() }));
      tell("crowd-answer", { answer: this.answer() });
    }
    _show(part) {
      var tab = part.closest("crowd-tab");
      if (tab) tab.reveal();
      part.complain();
    }
    reset() {
      this._sent = false;
      this._parts().forEach(function (part) { part.clear(); });
      this.dispatchEvent(new Event("change", { bubbles: true }));
    }
    fill(answer) { this._parts().forEach(function (part) { part.take(answer); }); }
    answer() {
      var content = {};
      this._parts().forEach(function (part) { part.put(content); });
      return content;
    }
  }

  customElements.define("crowd-checkbox", CrowdCheckbox);
  customElements.define("crowd-button", CrowdButton);
  customElements.define("crowd-form", CrowdForm);

  window.addEventListener("message", function (event) {
    var form = document.querySelector("crowd-form"), data = event.data;
    if (!framed || event.source !== window.parent || event.origin !== window.origin || !form || !data) return;
    if (data.kind === "crowd-fill" && data.answer) form.fill(data.answer);
    if (data.kind === "crowd-again") form._sent = false;
  });
  ["input", "change"].forEach(function (kind) { document.addEventListener(kind, changed); });
  // Last of all listeners: what the task uses itself was stopped before.
  window.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    var at = event.composedPath()[0];  // inside of a shadow tree too
    if (at.closest && at.closest("input, textarea, select, [contenteditable]")) return;
    tell("crowd-key", { key: event.key });
  });

  // For the files that are loaded next.
  window.crowdShim = { styled: styled, reflected: reflected, text: text, FOCUS: FOCUS, Box: Box };

  function ready() {
    document.dispatchEvent(new Event("all-crowd-elements-ready"));
    setTimeout(function () { tell("crowd-ready"); }, 0);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
