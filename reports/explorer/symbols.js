// The markers and dashes of the printed figures, for plots and legends.
(function (page) {
  "use strict";

  function polygon(corners, turn) {
    return {
      draw(context, size) {
        const radius = Math.sqrt(size / 2.6);
        for (let k = 0; k < corners; k += 1) {
          const angle = turn + (2 * Math.PI * k) / corners;
          const place = [radius * Math.sin(angle), -radius * Math.cos(angle)];
          if (k) context.lineTo(place[0], place[1]); else context.moveTo(place[0], place[1]);
        }
        context.closePath();
      },
    };
  }

  // Name of a marker in the printed figures -> [shape, degrees that it is turned by].
  const MARKERS = {
    o: [d3.symbolCircle, 0], s: [d3.symbolSquare, 0], D: [d3.symbolSquare, 45], d: [d3.symbolDiamond, 0],
    "^": [d3.symbolTriangle, 0], v: [d3.symbolTriangle, 180], "<": [d3.symbolTriangle, -90], ">": [d3.symbolTriangle, 90],
    P: [d3.symbolCross, 0], X: [d3.symbolCross, 45], "*": [d3.symbolStar, 0],
    p: [polygon(5, 0), 0], h: [polygon(6, 0), 0], H: [polygon(6, Math.PI / 6), 0], 8: [polygon(8, Math.PI / 8), 0],
  };

  // Draw a codec's marker into a selection of "path" elements.
  page.mark = function (paths, codec, size) {
    const [shape, turn] = MARKERS[codec.marker] || MARKERS.o;
    paths.attr("d", d3.symbol().type(shape).size(size)()).attr("transform", "rotate(" + turn + ")");
    page.paint(paths, codec);
  };

  // Colours change with the theme, so they are custom properties that the style sheet chooses between.
  page.paint = function (nodes, codec) {
    nodes.style("--fill", codec.fill).style("--light", codec.light).style("--dark", codec.dark);
  };

  page.dashes = function (codec) {
    return codec.dashes.map((length) => 1.8 * length).join(" ") || null;
  };

  // A piece of the codec's curve with its marker, for the legend.
  page.swatch = function (parent, codec) {
    const image = d3.select(parent).append("svg").attr("class", "swatch").attr("viewBox", "-14 -7 28 14");
    image.attr("aria-hidden", "true").attr("width", 28).attr("height", 14);
    const line = image.append("path").attr("class", "curve").attr("d", "M-13,0H13");
    line.attr("stroke-dasharray", page.dashes(codec));
    page.paint(line, codec);
    page.mark(image.append("path").attr("class", "mark"), codec, 42);
  };
})(window.page);
