/* Elements of Amazon's that take part in an answer; see crowd-shim.js, which is loaded first. */
(function () {
  "use strict";
  if (!window.crowdShim) return;  // a workspace's own copy of the shim, from before these files

  var styled = window.crowdShim.styled, text = window.crowdShim.text, FOCUS = window.crowdShim.FOCUS;
  var reflected = window.crowdShim.reflected, Box = window.crowdShim.Box;
  var FIELD = "box-sizing: border-box; width: 100%; min-height: 44px; padding: 9px 12px; border: 1px solid var(--paper-checkbox-unchecked-color, #757575); border-radius: 10px; color: inherit; background: none; font: inherit";

  class CrowdRadioButton extends Box {
    constructor() { super(".box { border-radius: 50% }", '<circle cx="8" cy="8" r="2.4"/>'); }
    static get role() { return "radio"; }
    connectedCallback() {
      super.connectedCallback();
      this._rove();
    }
    attributeChangedCallback(name) {
      var group = this.closest("crowd-radio-group");
      if (name === "checked" && this.checked && group) group.choose(this);
      super.attributeChangedCallback();
      this._rove();
    }
    _rove() {
      var group = this.closest("crowd-radio-group");
      if (group && group.rove) group.rove();  // it is upgraded later than its buttons
    }
    _toggle() { if (!this.disabled) this._set(true); }
  }

  class CrowdRadioGroup extends HTMLElement {
    connectedCallback() {
      this.setAttribute("role", "radiogroup");
      this.addEventListener("keydown", this._key);
      this.rove();
    }
    // As natively, the tab key stops at a group once: at the chosen button, else at the first.
    rove() {
      var buttons = this._buttons(), enabled = buttons.filter(function (button) { return !button.disabled; });
      var stop = enabled.find(function (button) { return button.checked; }) || enabled[0];
      buttons.forEach(function (button) { button.tabIndex = button === stop ? 0 : -1; });
    }
    _buttons() { return Array.from(this.querySelectorAll("crowd-radio-button")); }
    choose(one) {
      this._buttons().forEach(function (button) { if (button !== one) button.checked = false; });
    }
    _key(event) {
      var step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      var buttons = this._buttons().filter(function (button) { return !button.disabled; });
      var at = buttons.indexOf(event.target);
      if (!step || at < 0) return;
      event.preventDefault();
      var next = buttons[(at + step + buttons.length) % buttons.length];
      next.focus();
      next.click();
    }
  }

  // A text; the inner element knows what is valid.
  class Field extends HTMLElement {
    constructor(tag) {
      super();
      styled(this, ":host { display: block } label { display: block; margin-bottom: 4px } .field { " + FIELD + " } " + FOCUS,
        '<label for="field"></label><' + tag + ' id="field" class="field"></' + tag + ">", true);
      this._field = this.shadowRoot.getElementById("field");
      this._field.addEventListener("change", this.dispatchEvent.bind(this, new Event("change", { bubbles: true })));
    }
    connectedCallback() {
      var field = this._field, label = this.shadowRoot.querySelector("label");
      label.textContent = text(this, "label");
      label.hidden = !label.textContent;
      if (label.hidden) field.setAttribute("aria-label", text(this, "aria-label", text(this, "placeholder", this.name)));
      if (!this._begun) this.clear();
      this._begun = true;
      if (this.hasAttribute("auto-focus")) field.focus();
    }
    static get observedAttributes() { return ["disabled"]; }
    attributeChangedCallback() { this._field.disabled = this.disabled; }
    _copy(names) {
      Object.keys(names).forEach(function (name) {
        if (this.hasAttribute(name)) this._field.setAttribute(names[name], this.getAttribute(name));
      }, this);
    }
    get name() { return text(this, "name"); }
    get value() { return this._field.value; }
    set value(to) { this._field.value = to; }
    put(answer) { if (this.name && this.value) answer[this.name] = this.value; }
    take(answer) {
      var said = this.name && answer[this.name];
      this.value = typeof said === "string" ? said : "";
    }
    clear() { this.value = text(this, "value", text(this, "initial-value")); }
    lacks() { return !this._field.checkValidity(); }
    complain() { this._field.reportValidity(); }
  }
  reflected(Field, ["disabled"]);

  class CrowdInput extends Field {
    constructor() { super("input"); }
    connectedCallback() {
      this._copy({ type: "type", placeholder: "placeholder", "max-length": "maxlength", "min-length": "minlength", "allowed-pattern": "pattern", min: "min", max: "max", step: "step", required: "required" });
      super.connectedCallback();
    }
  }

  class CrowdTextArea extends Field {
    constructor() { super("textarea"); }
    connectedCallback() {
      this._copy({ placeholder: "placeholder", "max-length": "maxlength", rows: "rows" });
      super.connectedCallback();
    }
  }

  // Examples of AWS write ['Cat', "Dog"] and { text: 'None' }, which are not JSON.
  function strings(written) {
    try {
      var read = JSON.parse(written);
      return (Array.isArray(read) ? read : Object.values(read)).map(String);
    } catch (error) {
      return Array.from(written.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g), function (found) {
        return (found[1] === undefined ? found[2] : found[1]).replace(/\\(.)/g, "$1");
      });
    }
  }

  class CrowdImageClassifierMultiSelect extends HTMLElement {
    constructor() {
      super();
      styled(this,
        ":host { display: block } img { max-width: 100%; max-height: 60vh } fieldset { margin: 12px 0; padding: 8px 14px; border: 1px solid var(--line, #ccc); border-radius: 12px }" +
        "label { display: flex; align-items: center; gap: 9px; min-height: 44px; cursor: pointer } input { width: 20px; height: 20px } [role=alert] { margin: 0; color: var(--bad, #b3261e) } " + FOCUS,
        '<slot></slot><img alt="The image to classify"><fieldset><legend></legend><p role="alert"></p></fieldset>', true);
    }
    connectedCallback() {
      var root = this.shadowRoot, fieldset = root.querySelector("fieldset");
      if (root.querySelector("input")) return;
      root.querySelector("img").src = text(this, "src", "data:,");
      root.querySelector("legend").textContent = text(this, "header");
      var none = this.hasAttribute("exclusion-category") ? strings(text(this, "exclusion-category")).slice(-1) : [];
      strings(text(this, "categories")).concat(none).forEach(function (category) {
        var label = document.createElement("label"), box = document.createElement("input");
        box.type = "checkbox";
        box.value = category;
        label.append(box, category);
        fieldset.append(label);
      });
      this._none = none.length ? fieldset.querySelector("label:last-of-type input") : null;
      if (!this._boxes().length) this._say("categories is not a list of texts.");
      fieldset.addEventListener("change", this._chosen.bind(this));
    }
    _boxes() { return Array.from(this.shadowRoot.querySelectorAll("input")); }
    _say(words) { this.shadowRoot.querySelector("[role=alert]").textContent = words; }
    _chosen(event) {
      var none = this._none;
      if (event.target.checked) this._boxes().forEach(function (box) {
        if (none && box !== event.target && (box === none || event.target === none)) box.checked = false;
      });
      this._say("");
      this.dispatchEvent(new Event("change", { bubbles: true }));
    }
    get labels() {
      return this._boxes().filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    }
    put(answer) { if (text(this, "name")) answer[text(this, "name")] = { labels: this.labels }; }
    take(answer) {
      var labels = (answer[text(this, "name")] || {}).labels || [];
      this._boxes().forEach(function (box) { box.checked = labels.indexOf(box.value) >= 0; });
    }
    clear() { this.take({}); }
    lacks() { return !this.labels.length; }
    complain() {
      this._say("Choose at least one.");
      this.focus();
    }
  }

  customElements.define("crowd-radio-button", CrowdRadioButton);
  customElements.define("crowd-radio-group", CrowdRadioGroup);
  customElements.define("crowd-input", CrowdInput);
  customElements.define("crowd-text-area", CrowdTextArea);
  customElements.define("crowd-image-classifier-multi-select", CrowdImageClassifierMultiSelect);
})();
