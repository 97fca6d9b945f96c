// A rate-distortion plot: curves, markers, floor, failures; points answer the pointer and the keyboard.
(function (page) {
  "use strict";

  const MARGIN = { left: 52, right: 16, top: 12, bottom: 44 };
  const HEIGHT = 300;
  const STEPS = [[10, [1, 2, 3, 5]], [2000, [1, 2, 5]], [20000, [1, 3]], [Infinity, [1]]];
  const SHORT = 4; // a logarithmic axis whose ends differ by less has evenly spaced ticks

  // Limits with a margin of 6 %, from the points that compare: no control, none that failed, and the floor.
  function limits(points, measure, floor) {
    let fine = points.filter((p) => !p.failed && !p.codec.control);
    if (!fine.length) fine = points;
    const values = fine.map((p) => p.values[measure.name]).concat(Number.isFinite(floor) ? [floor] : [])
      .filter((value) => Number.isFinite(value) && (!measure.log || value > 0));
    if (!values.length) return measure.log ? [0.1, 1] : [0, 1];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (!measure.log) {
      const margin = Math.max(0.06 * (high - low), 0.005);
      return [low - margin, high + margin];
    }
    const margin = Math.max((high / low) ** 0.06, 1.08);
    return [low / margin, high * margin];
  }

  function ticks(measure, [low, high], count) {
    if (!measure.log || high / low < SHORT) return d3.ticks(low, high, count);
    const steps = STEPS.find(([limit]) => high / low < limit)[1];
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      steps.forEach((step) => found.push(+(step * 10 ** power).toPrecision(3)));
    }
    const inside = found.filter((value) => value >= low && value <= high);
    return inside.length <= count + 2 ? inside : inside.filter((value, k) => k % Math.ceil(inside.length / count) === 0);
  }

  function scale(measure, domain, range) {
    return (measure.log ? d3.scaleLog() : d3.scaleLinear()).domain(domain).range(range).clamp(true);
  }

  // The floor of the best reconstruction is the one that matters: it depends on both surfaces' areas.
  function bestFloor(points, measure) {
    if (!measure.floor) return NaN;
    const ranked = points.filter((p) => Number.isFinite(p.floors[measure.floor]))
      .sort((a, b) => (a.values.surface_cd || 0) - (b.values.surface_cd || 0));
    return ranked.length ? ranked[0].floors[measure.floor] : NaN;
  }

  function drawAxes(svg, x, y, frame) {
    const [, right] = x.scale.range();
    const [bottom, top] = y.scale.range();
    const across = svg.append("g").attr("class", "axis").attr("transform", "translate(0," + bottom + ")");
    across.call(d3.axisBottom(x.scale).tickValues(ticks(x.measure, x.domain, right / 75)).tickFormat(page.tick)
      .tickSizeInner(top - bottom).tickSizeOuter(0).tickPadding(7));
    const up = svg.append("g").attr("class", "axis").attr("transform", "translate(" + MARGIN.left + ",0)");
    up.call(d3.axisLeft(y.scale).tickValues(ticks(y.measure, y.domain, 7)).tickFormat(page.tick)
      .tickSizeInner(MARGIN.left - right).tickSizeOuter(0).tickPadding(7));
    svg.append("text").attr("class", "label").attr("text-anchor", "middle").text(x.measure.label)
      .attr("x", (MARGIN.left + right) / 2).attr("y", frame.height - 6);
    svg.append("path").attr("class", "frame").attr("d", "M" + MARGIN.left + "," + top + "V" + bottom + "H" + right);
  }

  function drawFloor(svg, x, y, floor) {
    if (!Number.isFinite(floor)) return;
    const [left, right] = x.scale.range();
    const lowest = y.measure.better === "low";
    svg.append("path").attr("class", "floor").attr("d", "M" + left + "," + y.scale(floor) + "H" + right);
    svg.append("text").attr("class", "note").attr("x", left + 5).attr("y", y.scale(floor) + (lowest ? -4 : 12))
      .text(lowest ? "sampling floor" : "sampling ceiling");
  }

  function drawCurves(svg, points, at) {
    const curves = d3.nest().key((p) => p.codec.id).entries(points.filter((p) => p.failed < p.shapes));
    curves.forEach((curve) => {
      const ordered = curve.values.slice().sort((a, b) => at(a)[0] - at(b)[0]);
      const path = svg.append("path").attr("class", "curve").attr("data-codec", curve.key);
      page.paint(path.attr("d", d3.line()(ordered.map(at))), ordered[0].codec);
      path.attr("stroke-dasharray", page.dashes(ordered[0].codec));
    });
  }

  function drawIntervals(svg, points, at, y) {
    points.filter((p) => p.spreads[y.measure.name] && !p.failed).forEach((p) => {
      const { low, high } = p.spreads[y.measure.name];
      if (!Number.isFinite(low)) return;
      const [top, bottom] = [y.scale(high), y.scale(Math.max(low, y.domain[0]))];
      const bar = svg.append("path").attr("class", "interval").attr("data-codec", p.codec.id);
      const x = at(p)[0];
      page.paint(bar.attr("d", "M" + x + "," + bottom + "V" + top + "M" + (x - 3) + "," + bottom + "h6M" + (x - 3) + "," + top + "h6"), p.codec);
    });
  }

  // What a clipped point's place does not tell: that the control's rate or error lies outside the axes.
  function outside(p, x, y) {
    const texts = [];
    const [across, up] = [p.values[x.measure.name], p.values[y.measure.name]];
    if (across < x.domain[0] || across > x.domain[1]) texts.push(page.tick(across));
    if (up < y.domain[0]) texts.push(up < 1e-3 && y.measure.better === "low" ? "no error" : page.tick(up));
    return texts.join(", ");
  }

  function drawPoint(svg, p, at, x, y) {
    const place = at(p);
    const group = svg.append("g").attr("class", "point").attr("transform", "translate(" + place[0] + "," + place[1] + ")");
    group.attr("data-codec", p.codec.id).attr("data-key", p.key).attr("role", "button").attr("tabindex", -1);
    group.attr("aria-label", page.spoken(p, x.measure, y.measure));
    group.append("circle").attr("class", "halo").attr("r", 11);
    if (p.failed) page.paint(group.append("path").attr("class", "failed").attr("d", "M-5,-5L5,5M-5,5L5,-5"), p.codec);
    else page.mark(group.append("path").attr("class", "mark"), p.codec, 52);
    const text = p.failed ? p.failed + " failed" : p.codec.control ? outside(p, x, y) : "";
    if (!text) return;
    const right = place[0] > 0.7 * x.scale.range()[1];
    group.append("text").attr("class", "note").attr("x", right ? -9 : 9).attr("y", place[1] < 30 ? 15 : -6)
      .attr("text-anchor", right ? "end" : "start").text(text);
  }

  // The point next to a place of the pointer, at most 32 pixels away.
  function nearest(points, at, [left, top]) {
    const far = (p) => Math.hypot(at(p)[0] - left, at(p)[1] - top);
    const found = points.slice().sort((a, b) => far(a) - far(b))[0];
    return found && far(found) < 32 ? found : null;
  }

  // Arrows move along the points of a curve (left, right) and to the next curve (up, down); Enter picks.
  function step(points, at, current, key) {
    const codecs = Array.from(new Set(points.map((p) => p.codec.id)));
    const curve = (id) => points.filter((p) => p.codec.id === id).sort((a, b) => at(a)[0] - at(b)[0]);
    const own = curve(current.codec.id);
    if (key === "ArrowLeft" || key === "ArrowRight") return own[own.indexOf(current) + (key === "ArrowLeft" ? -1 : 1)];
    const other = codecs[codecs.indexOf(current.codec.id) + (key === "ArrowUp" ? -1 : 1)];
    return other === undefined ? undefined : curve(other).sort((a, b) => Math.abs(at(a)[0] - at(current)[0]) - Math.abs(at(b)[0] - at(current)[0]))[0];
  }

  function answer(svg, points, at, x, y) {
    const node = (p) => svg.selectAll("g.point").filter(function () { return this.dataset.key === p.key; });
    let shown = null;
    const show = (p) => {
      shown = p;
      svg.selectAll("g.point").classed("near", false);
      if (p) page.tip(node(p).classed("near", true).node(), p, x.measure, y.measure); else page.hideTip();
    };
    svg.on("pointermove", function () { show(nearest(points, at, d3.mouse(this))); });
    svg.on("pointerleave", () => show(null));
    svg.on("click", function () {
      const found = nearest(points, at, d3.mouse(this));
      if (found) page.pick(found.key, d3.event.shiftKey || d3.event.ctrlKey || d3.event.metaKey);
    });
    svg.selectAll("g.point").on("focus", function () { show(points.find((p) => p.key === this.dataset.key)); });
    svg.selectAll("g.point").on("blur", () => show(null));
    svg.on("keydown", () => {
      const key = d3.event.key;
      if (!shown || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", " "].includes(key)) return;
      d3.event.preventDefault();
      if (!key.startsWith("Arrow")) { page.pick(shown.key, d3.event.shiftKey); return; }
      const next = step(points, at, shown, key);
      if (next) node(next).node().focus();
    });
  }

  // Draw into `host`, replacing what was there. `points` as `page.visible` gives them.
  page.drawPlot = function (host, points, names, intervals) {
    const width = Math.max(260, host.clientWidth);
    const drawn = points.filter((p) => names.every((name) => Number.isFinite(p.values[name])));
    const [across, up] = names.map(page.measure);
    const floor = bestFloor(drawn, up);
    const [wide, high] = [limits(drawn, across, NaN), limits(drawn, up, floor)];
    const x = { measure: across, domain: wide, scale: scale(across, wide, [MARGIN.left, width - MARGIN.right]) };
    const y = { measure: up, domain: high, scale: scale(up, high, [HEIGHT - MARGIN.bottom, MARGIN.top]) };
    // A logarithm of an error of 0 is no place: what lies below the axis stands on its edge.
    const at = (p) => [x.scale(Math.max(p.values[across.name], wide[0])), y.scale(Math.max(p.values[up.name], high[0]))];
    const focused = host.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    d3.select(host).selectAll("svg").remove();
    const svg = d3.select(host).append("svg").attr("width", width).attr("height", HEIGHT)
      .attr("viewBox", "0 0 " + width + " " + HEIGHT).attr("role", "group");
    svg.attr("aria-label", up.label + " against " + across.label + ", " + drawn.length + " points; the table below has the values");
    drawAxes(svg, x, y, { height: HEIGHT });
    drawFloor(svg, x, y, floor);
    drawCurves(svg, drawn, at);
    if (intervals) drawIntervals(svg, drawn, at, y);
    drawn.forEach((p) => drawPoint(svg, p, at, x, y));
    answer(svg, drawn, at, x, y);
    const all = svg.selectAll("g.point");
    all.filter((d, k) => k === 0).attr("tabindex", 0);
    if (focused) all.filter(function () { return this.dataset.key === focused; }).each(function () { this.focus(); });
  };
})(window.page);
