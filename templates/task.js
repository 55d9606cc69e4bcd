(function () {
  "use strict";
  var NONE = "__none__", UNSURE = "__unsure__";
  var form = document.querySelector("crowd-form");
  var questions = Array.from(document.querySelectorAll(".question"));
  var message = document.getElementById("message");
  var active = null;
  var started = false;

  function boxesOf(question) { return Array.from(question.querySelectorAll("crowd-checkbox")); }
  function valueOf(box) { return box.getAttribute("value"); }
  function isAnswered(question) { return boxesOf(question).some(function (box) { return box.checked; }); }
  function questionOf(node) { return node && node.closest ? node.closest(".question") : null; }

  // "None of these" and any tick beside it contradict each other: the later one stays.
  function settle(box) {
    if (!box.checked) return;
    boxesOf(questionOf(box)).forEach(function (other) {
      if (other !== box && (valueOf(box) === NONE || valueOf(other) === NONE)) other.checked = false;
    });
  }

  function refresh() {
    var done = 0;
    questions.forEach(function (question) {
      var answered = isAnswered(question);
      done += answered ? 1 : 0;
      question.classList.toggle("answered", answered);
      if (answered) question.classList.remove("missing");
      boxesOf(question).forEach(function (box) { box.parentNode.classList.toggle("ticked", !!box.checked); });
    });
    var all = done === questions.length;
    document.getElementById("bar").style.width = (questions.length ? 100 * done / questions.length : 100) + "%";
    document.getElementById("count").textContent = all ? "All answered" : done + " of " + questions.length + " answered";
    if (all) message.textContent = "";
  }

  function activate(question, focus) {
    if (active) active.classList.remove("active");
    active = question;
    if (!active) return;
    active.classList.add("active");
    if (focus) {
      active.focus({ preventScroll: true });
      active.scrollIntoView({ block: "nearest" });
    }
  }

  function firstOpen(from) {
    var later = questions.slice(from).concat(questions.slice(0, from));
    return later.find(function (question) { return !isAnswered(question); });
  }

  function complain(question) {
    var alert = document.createElement("crowd-alert");
    alert.setAttribute("type", "error");
    var title = question.querySelector("legend").textContent.trim();
    alert.textContent = "Please answer “" + title + "”. If nothing fits, choose “None of these”.";
    message.textContent = "";
    message.appendChild(alert);
    question.classList.add("missing");
    activate(question, true);
  }

  function submit() {
    var open = firstOpen(0);
    if (open) complain(open); else form.submit();
  }

  function toggle(value) {
    var box = boxesOf(active).find(function (each) { return valueOf(each) === value; });
    if (!box || box.disabled) return;
    box.checked = !box.checked;
    settle(box);
    refresh();
    // Nothing more can be said about this question, so that the next one may come.
    if (box.checked && (value === NONE || value === UNSURE)) {
      var next = firstOpen(questions.indexOf(active) + 1);
      if (next) activate(next, true);
    }
  }

  function step(by) {
    var at = questions.indexOf(active) + by;
    if (at >= 0 && at < questions.length) activate(questions[at], true);
  }

  function explain(button, open) {
    button.setAttribute("aria-expanded", String(open));
    document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
  }

  function explainAll() {
    var buttons = Array.from(active.querySelectorAll(".about"));
    var open = buttons.some(function (button) { return button.getAttribute("aria-expanded") === "false"; });
    buttons.forEach(function (button) { explain(button, open); });
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !active) return;
    // Inside of an element of its own keys: a radio button, a row of tabs, a dialog.
    if (/^(crowd-(radio-button|tabs|modal|instructions)|full-instructions)$/.test(event.target.localName)) return;
    var target = event.composedPath()[0];
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable) return;
    var onButton = !!(target.closest && target.closest("button, a, summary, crowd-button"));
    var key = event.key.toLowerCase();
    if (event.shiftKey && key.indexOf("arrow") === 0) return; // moves the photo
    if (key >= "1" && key <= "9" && key.length === 1) {
      var choice = active.querySelectorAll(".choices crowd-checkbox")[Number(key) - 1];
      if (choice) toggle(valueOf(choice));
    } else if (key === "0") toggle(NONE);
    else if (key === "u") toggle(UNSURE);
    else if (key === "?") explainAll();
    else if (key === "arrowdown" || key === "arrowright") step(1);
    else if (key === "arrowup" || key === "arrowleft") step(-1);
    else if (key === "enter" && !onButton && !event.repeat) submit();
    else return;
    // Before the element sees the key: Enter would also tick the box that has the focus.
    event.preventDefault();
    event.stopPropagation();
  }

  function onChange(event) {
    var box = event.target.closest ? event.target.closest("crowd-checkbox") : null;
    if (!box || !questionOf(box)) return;
    settle(box);
    refresh();
  }

  function onClick(event) {
    var button = event.target.closest(".about");
    if (button) explain(button, button.getAttribute("aria-expanded") !== "true");
    activate(questionOf(event.target) || active, false);
  }

  function start() {
    if (started) return;
    started = true;
    form.addEventListener("change", onChange);
    form.addEventListener("click", onClick);
    form.addEventListener("focusin", function (event) { activate(questionOf(event.target) || active, false); });
    window.addEventListener("keydown", onKey, true);
    form.onsubmit = function (event) {
      var open = firstOpen(0);
      if (!open) return;
      event.preventDefault();
      complain(open);
    };
    activate(questions[0] || null, false);
    refresh();
  }

  var photo = document.getElementById("photo");
  function noPhoto() { photo.hidden = true; document.getElementById("zoom").hidden = true; document.getElementById("no-photo").hidden = false; }
  photo.addEventListener("error", noPhoto);
  if (photo.complete && !photo.naturalWidth) noPhoto();

  Array.from(document.querySelectorAll(".example")).forEach(function (image) {
    image.addEventListener("error", function () { image.parentNode.hidden = true; });
  });

  document.addEventListener("all-crowd-elements-ready", start);
  customElements.whenDefined("crowd-checkbox").then(start);
})();
