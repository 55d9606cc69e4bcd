/* Makes the photo zoomable: wheel, pinch, drag, double click, buttons, + and -, Shift with arrows. */
(function () {
  "use strict";
  var MOST = 8, STEP = 1.5, LEAP = 2.5, PAN = 80;
  var view = document.getElementById("view"), photo = document.getElementById("photo");
  var level = document.getElementById("zoom-level");
  var scale = 1, x = 0, y = 0;
  var pointers = new Map();

  function within(value, least, most) { return Math.min(most, Math.max(least, value)); }

  function show() {
    var wide = (scale - 1) * view.clientWidth / 2, high = (scale - 1) * view.clientHeight / 2;
    x = within(x, -wide, wide);
    y = within(y, -high, high);
    photo.style.transform = scale === 1 ? "" : "translate(" + x + "px, " + y + "px) scale(" + scale + ")";
    view.classList.toggle("zoomed", scale > 1);
    level.textContent = scale === 1 ? "" : Math.round(scale * 100) + " %";
  }

  // What lies under the point stays under it; the point counts from the middle of the view.
  function zoom(factor, at) {
    var next = within(scale * factor, 1, MOST);
    if (next < 1.02) next = 1;
    x = at.x - (at.x - x) * next / scale;
    y = at.y - (at.y - y) * next / scale;
    scale = next;
    show();
  }

  function pan(dx, dy) {
    x += dx;
    y += dy;
    show();
  }

  function fromMiddle(event) {
    var box = view.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  function onWheel(event) {
    if (event.deltaY > 0 && scale === 1 && !event.ctrlKey) return;
    event.preventDefault();
    // A pinch on a touchpad comes as small steps of the wheel with Ctrl; a mouse may count lines.
    var delta = event.deltaY * (event.deltaMode ? 18 : 1) * (event.ctrlKey ? 8 : 1);
    zoom(Math.exp(-within(delta, -240, 240) / 500), fromMiddle(event));
  }

  function middle(points) { return { x: (points[0].x + points[1].x) / 2, y: (points[0].y + points[1].y) / 2 }; }
  function span(points) { return Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y); }

  function onDown(event) {
    if (event.button) return;
    pointers.set(event.pointerId, fromMiddle(event));
    if (scale > 1 || pointers.size > 1) view.setPointerCapture(event.pointerId);
  }

  function onMove(event) {
    if (!pointers.has(event.pointerId)) return;
    var before = Array.from(pointers.values()), last = pointers.get(event.pointerId);
    pointers.set(event.pointerId, fromMiddle(event));
    var now = Array.from(pointers.values());
    if (now.length === 1 && scale > 1) pan(now[0].x - last.x, now[0].y - last.y);
    if (now.length !== 2) return;
    var from = middle(before), to = middle(now);
    zoom(span(now) / Math.max(span(before), 1), from);
    pan(to.x - from.x, to.y - from.y);
  }

  function onUp(event) { pointers.delete(event.pointerId); }

  var ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable) return;
    var arrow = event.shiftKey && ARROWS[event.key], centre = { x: 0, y: 0 };
    if (event.key === "+" || event.key === "=") zoom(STEP, centre);
    else if (event.key === "-" || event.key === "_") zoom(1 / STEP, centre);
    else if (arrow) pan(PAN * arrow[0], PAN * arrow[1]);
    else return;
    event.preventDefault();
  }

  view.addEventListener("wheel", onWheel, { passive: false });
  view.addEventListener("dblclick", function (event) { zoom(scale > 1 ? 1 / MOST : LEAP, fromMiddle(event)); });
  view.addEventListener("pointerdown", onDown);
  view.addEventListener("pointermove", onMove);
  view.addEventListener("pointerup", onUp);
  view.addEventListener("pointercancel", onUp);
  view.addEventListener("pointerleave", onUp);
  view.addEventListener("dragstart", function (event) { event.preventDefault(); });
  window.addEventListener("keydown", onKey);
  window.addEventListener("resize", show);
  document.getElementById("zoom-in").addEventListener("click", function () { zoom(STEP, { x: 0, y: 0 }); });
  document.getElementById("zoom-out").addEventListener("click", function () { zoom(1 / STEP, { x: 0, y: 0 }); });
})();
