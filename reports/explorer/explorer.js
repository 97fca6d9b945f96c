// Puts the parts together: whenever the state changes, plots, tables and the 3D view follow.
(function (page) {
  "use strict";

  const text = (id) => { const found = document.getElementById(id); return found ? JSON.parse(found.textContent) : null; };
  const root = document.getElementById("explorer");
  page.content = text("content");
  page.meshes = text("meshes");

  // The point of a data set behind a key "codec@rate".
  page.findPoint = function (set, key) {
    return set.points.find((point) => page.content.codecs[point.codec].id + "@" + point.rate === key);
  };

  // Show a point's shapes; `more` keeps those that are shown. A second press puts it back.
  page.pick = function (key, more) {
    const before = page.state.get().pick;
    const again = before.includes(key);
    if (more) page.state.toggle("pick", key, !again);
    else page.state.set({ pick: again && before.length === 1 ? [] : [key] });
  };

  function followPicks(state) {
    document.querySelectorAll("g.point").forEach((node) => {
      node.classList.toggle("picked", state.pick.includes(node.dataset.key));
    });
  }

  function hideInTables(state) {
    const titles = new Set(page.content.codecs.filter((c) => state.off.includes(c.id)).map((c) => c.title));
    page.printedTables().forEach((table) => page.hideCodecs(table, titles));
    document.body.classList.toggle("fewer", titles.size > 0);
  }

  // Links within the page must not take the place of the state in the address.
  function keepAnchors() {
    document.querySelectorAll('nav a[href^="#"]').forEach((link) => {
      link.addEventListener("click", (event) => {
        const target = document.getElementById(link.getAttribute("href").slice(1));
        if (!target || !location.hash.includes("=")) return;
        event.preventDefault();
        target.scrollIntoView();
        target.focus();
      });
    });
  }

  function build() {
    page.makeControls(page.element("div", root, "controls"));
    const grid = page.element("div", root, "plots");
    const hosts = [page.makePlot(grid, "y"), page.makePlot(grid, "y2")];
    page.element("p", root, "hint",
      "Point at a mark for its values; press it for its shapes below (with Shift: beside those already there). " +
      "On the keyboard: Tab into a plot, arrows between marks, Enter.");
    const table = page.makePointTable(root);
    const views = page.makeViews(page.element("section", root, "views"));
    const shapes = page.element("div", root);
    let width = 0;
    const draw = (state) => {
      const points = page.visible(state);
      width = hosts[0].clientWidth;
      page.hideTip();
      hosts.forEach((host, k) => page.drawPlot(host, points, [state.x, k ? state.y2 : state.y], state.bars === "1"));
      page.fillPointTable(table, points, state);
      page.fillShapeTable(shapes, state);
      followPicks(state);
      hideInTables(state);
    };
    page.state.listen(draw);
    if (views) page.state.listen(views);
    new ResizeObserver(() => {
      if (hosts[0].clientWidth !== width) draw(page.state.get());
    }).observe(hosts[0]);
  }

  build();
  page.printedTables().forEach((table) => page.makeSortable(table));
  keepAnchors();
  const first = page.content.datasets[0];
  page.state.start({ data: first.name, x: "bytes_per_shape", y: "surface_cd", y2: "f1_005", bars: "", sort: "" });
  root.dataset.ready = "1";
})(window.page);
