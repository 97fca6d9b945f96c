// The shapes of the point that was picked, best first.
(function (page) {
  "use strict";

  const SHOWN = 12; // lines before "all shapes" is pressed

  function row(body, set, values, categories) {
    const [place, bytes, ...rest] = values;
    const line = page.element("tr", body);
    page.element("td", line, "", set.shapes[place][0]);
    if (categories) page.element("td", line, "", set.categories[set.shapes[place][1]]);
    page.element("td", line, "n", bytes.toLocaleString("en-US"));
    page.content.values.forEach((name, k) => {
      page.element("td", line, "n", page.written(rest[k] === null ? NaN : rest[k], page.measure(name)));
    });
    page.element("td", line, "", rest[page.content.values.length] || "");
  }

  function head(table, categories) {
    const heads = page.element("tr", page.element("thead", table));
    page.element("th", heads, "", "Shape");
    if (categories) page.element("th", heads, "", "Category");
    page.element("th", heads, "n", "Own bytes");
    page.content.values.forEach((name) => page.element("th", heads, "n", page.measure(name).short));
    page.element("th", heads, "", "Failure");
    page.makeSortable(table);
  }

  // Those in the categories switched on, by surface error; a failed shape carries its penalty and stands last.
  function chosen(set, point, state) {
    const own = point.shapes.filter((line) => !state.without.includes(set.categories[set.shapes[line[0]][1]]));
    return own.sort((a, b) => (a[2] === null) - (b[2] === null) || a[2] - b[2]);
  }

  page.fillShapeTable = function (host, state) {
    host.textContent = "";
    const set = page.dataset(state);
    const found = state.pick.map((key) => page.findPoint(set, key)).filter((point) => point && point.shapes);
    found.forEach((point) => {
      const lines = chosen(set, point, state);
      const categories = set.categories.length > 1;
      const figure = page.element("figure", host, "rows");
      const title = page.content.codecs[point.codec].title + ", " + point.rate;
      page.element("figcaption", figure, "", title + ": " + lines.length + " shapes, best first");
      const scroll = page.element("div", figure, "scroll");
      const table = page.element("table", scroll);
      head(table, categories);
      const body = page.element("tbody", table);
      lines.slice(0, SHOWN).forEach((line) => row(body, set, line, categories));
      if (lines.length <= SHOWN) return;
      const more = page.element("button", figure, "plain", "All " + lines.length + " shapes");
      more.type = "button";
      more.addEventListener("click", () => {
        lines.slice(SHOWN).forEach((line) => row(body, set, line, categories));
        more.remove();
      });
    });
  };
})(window.page);
