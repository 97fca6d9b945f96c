// The box beside a point: which codec and rate it is, its bytes and values, and how far these can be trusted.
(function (page) {
  "use strict";

  let box = null;

  // The values of a point on two axes as [name, text] pairs.
  function facts(p, measures) {
    const lines = [["Bytes per shape", page.written(p.values.bytes_per_shape, page.measure("bytes_per_shape")) +
      " (" + page.written(p.values.ratio, page.measure("ratio")) + " : 1)"]];
    measures.filter((m) => m.name !== "bytes_per_shape" && m.name !== "ratio").forEach((measure) => {
      const found = p.spreads[measure.name];
      lines.push([measure.label, page.written(p.values[measure.name], measure)]);
      if (!found) return;
      const range = (low, high) => page.written(low, measure) + " to " + page.written(high, measure);
      if (Number.isFinite(found.low)) lines.push(["95 % interval", range(found.low, found.high)]);
      lines.push(["shapes from", range(found.least, found.most)]);
    });
    lines.push(["Shapes", p.shapes / p.point.seeds + (p.failed ? ", " + p.failed + " failed" : "")]);
    return lines;
  }

  // The same for a screen reader.
  page.spoken = function (p, across, up) {
    const lines = facts(p, [across, up]).map(([name, text]) => name + " " + text);
    return p.codec.title + ", " + p.point.rate + ": " + lines.join("; ");
  };

  page.tip = function (node, p, across, up) {
    box = box || page.element("div", document.body, "tip");
    box.textContent = "";
    page.element("b", box, "", p.codec.title + ", " + p.point.rate);
    const list = page.element("dl", box);
    facts(p, [across, up]).forEach(([name, text]) => {
      page.element("dt", list, "", name);
      page.element("dd", list, "", text);
    });
    box.hidden = false;
    const place = node.getBoundingClientRect();
    const left = Math.min(place.right + 8, document.documentElement.clientWidth - box.offsetWidth - 8);
    const above = place.top - box.offsetHeight - 8;
    box.style.left = Math.max(8, left) + scrollX + "px";
    box.style.top = (above > 8 ? above : place.bottom + 8) + scrollY + "px";
  };

  page.hideTip = function () {
    if (box) box.hidden = true;
  };
  addEventListener("keydown", (event) => { if (event.key === "Escape") page.hideTip(); });
})(window.page);
