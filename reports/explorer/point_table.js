// The table behind both plots: every point that they show, in the reader's order; a rate can be pressed.
(function (page) {
  "use strict";

  const COLUMNS = ["bytes_per_shape", "ratio", "surface_cd", "cd", "f1_005", "nc", "encode_s", "decode_s"];

  function row(body, p, picked) {
    const line = page.element("tr", body);
    line.dataset.key = p.key;
    line.classList.toggle("picked", picked);
    page.element("td", line, "", p.codec.title);
    const button = page.element("button", page.element("td", line), "plain", p.point.rate);
    button.type = "button";
    button.setAttribute("aria-pressed", String(picked));
    button.addEventListener("click", (event) => page.pick(p.key, event.shiftKey || event.ctrlKey || event.metaKey));
    COLUMNS.forEach((name) => page.element("td", line, "n", page.written(p.values[name], page.measure(name))));
    page.element("td", line, "n", String(p.failed));
    page.element("td", line, "", p.point.device);
  }

  page.makePointTable = function (parent) {
    const figure = page.element("figure", parent, "rows plotted");
    page.element("figcaption", figure, "", "The points of the plots");
    const table = page.element("table", page.element("div", figure, "scroll"));
    const heads = page.element("tr", page.element("thead", table));
    ["Codec", "Rate"].forEach((text) => page.element("th", heads, "", text));
    COLUMNS.forEach((name) => page.element("th", heads, "n", page.measure(name).short));
    page.element("th", heads, "n", "Failed");
    page.element("th", heads, "", "Device");
    page.element("tbody", table);
    page.makeSortable(table, (which, column, direction) => {
      page.state.set({ sort: String(direction * (column + 1)) });
    });
    return table;
  };

  // A positive number in the state's "sort" is a column, counted from 1; a negative one runs downwards.
  page.fillPointTable = function (table, points, state) {
    const body = table.tBodies[0];
    body.textContent = "";
    points.forEach((p) => row(body, p, state.pick.includes(p.key)));
    const sort = parseInt(state.sort, 10);
    const column = Math.abs(sort) - 1;
    if (column >= 0 && column < COLUMNS.length + 4) page.sortRows(table, column, Math.sign(sort));
  };
})(window.page);
