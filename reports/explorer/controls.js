// What the reader can choose: data set, axes, codecs, categories.
(function (page) {
  "use strict";

  function choice(parent, label, name, options) {
    const box = page.element("label", parent, "choice", label + " ");
    const select = page.element("select", box);
    select.name = name;
    options.forEach(([value, text]) => { page.element("option", select, "", text).value = value; });
    select.addEventListener("change", () => page.state.set({ [name]: select.value }));
    page.state.listen((state) => { select.value = state[name]; });
    return select;
  }

  function onAxis(axis) {
    return page.content.measures.filter((measure) => measure.axes.includes(axis)).map((m) => [m.name, m.label]);
  }

  // A checkbox that takes `item` out of the list `name` of the state while it is ticked.
  function tick(parent, name, item, text) {
    const label = page.element("label", parent, "tick");
    const box = page.element("input", label);
    box.type = "checkbox";
    box.value = item;
    box.addEventListener("change", () => page.state.toggle(name, item, !box.checked));
    page.state.listen((state) => { box.checked = !state[name].includes(item); });
    return { label: label, add: () => page.element("span", label, "", text) };
  }

  function group(parent, title) {
    const box = page.element("fieldset", parent);
    page.element("legend", box, "", title);
    return box;
  }

  function codecTicks(parent) {
    const box = group(parent, "Codecs");
    page.content.codecs.forEach((codec) => {
      const made = tick(box, "off", codec.id, codec.title);
      page.swatch(made.label, codec);
      made.add();
      made.label.addEventListener("pointerenter", () => page.stress(codec.id));
      made.label.addEventListener("pointerleave", () => page.stress(null));
    });
  }

  // The categories of the data set that is shown.
  function categoryTicks(parent) {
    page.content.datasets.forEach((set) => {
      const named = set.categories.filter((name) => name);
      if (named.length < 2) return;
      const box = group(parent, "Categories");
      named.forEach((name) => {
        const count = set.shapes.filter((shape) => set.categories[shape[1]] === name).length;
        tick(box, "without", name, name + " (" + count + ")").add();
      });
      page.state.listen((state) => { box.hidden = page.dataset(state) !== set; });
    });
  }

  // Dim every other codec's curve while the pointer is over one in the legend.
  page.stress = function (codec) {
    document.querySelectorAll(".plot [data-codec]").forEach((node) => {
      node.classList.toggle("dim", codec !== null && node.dataset.codec !== codec);
    });
  };

  page.makeControls = function (parent) {
    const line = page.element("div", parent, "line");
    const sets = page.content.datasets.map((set) => [set.name, set.name + " (" + set.shapes.length + " shapes)"]);
    if (sets.length > 1) choice(line, "Data set", "data", sets);
    choice(line, "Across", "x", onAxis("x"));
    const label = page.element("label", line, "tick");
    const box = page.element("input", label);
    box.type = "checkbox";
    box.name = "bars";
    page.element("span", label, "", "95 % intervals");
    box.addEventListener("change", () => page.state.set({ bars: box.checked ? "1" : "" }));
    page.state.listen((state) => { box.checked = state.bars === "1"; });
    const reset = page.element("button", line, "plain", "Start over");
    reset.type = "button";
    reset.addEventListener("click", () => page.state.reset());
    codecTicks(parent);
    categoryTicks(parent);
  };

  // A plot with the choice of its metric above it; returns the element to draw into.
  page.makePlot = function (parent, name) {
    const box = page.element("div", parent, "plot");
    choice(box, name === "y" ? "First plot" : "Second plot", name, onAxis("y"));
    return page.element("div", box, "canvas");
  };
})(window.page);
