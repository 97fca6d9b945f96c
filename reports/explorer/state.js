// What the reader has chosen. It lives in the address behind the "#", so that a link or a reload brings it back.
window.page = {};
(function (page) {
  "use strict";

  const LISTS = ["off", "without", "pick"]; // codecs and categories switched off, points picked for the 3D view
  const listeners = [];
  let defaults = {};
  let chosen = {};

  // The part of an address that holds a state: "#x=ratio&off=draco". Anything else is an anchor of the page.
  function read(hash) {
    const found = Object.assign({}, defaults, { off: [], without: [], pick: [] });
    if (!hash.includes("=")) return found;
    const parameters = new URLSearchParams(hash.replace(/^#/, ""));
    Object.keys(defaults).forEach((name) => {
      if (parameters.has(name)) found[name] = parameters.get(name);
    });
    LISTS.forEach((name) => { found[name] = parameters.getAll(name); });
    return found;
  }

  // Only what differs from the defaults is written.
  function write(values) {
    const parameters = new URLSearchParams();
    Object.keys(defaults).forEach((name) => {
      if (values[name] !== defaults[name]) parameters.set(name, values[name]);
    });
    LISTS.forEach((name) => values[name].forEach((item) => parameters.append(name, item)));
    return parameters.toString();
  }

  function tell() {
    listeners.forEach((listener) => listener(chosen));
  }

  page.state = {
    start(values) {
      defaults = values;
      chosen = read(location.hash);
      addEventListener("hashchange", () => {
        if (location.hash.includes("=")) { chosen = read(location.hash); tell(); }
      });
      tell();
    },
    get() { return chosen; },
    set(patch) {
      chosen = Object.assign({}, chosen, patch);
      const hash = write(chosen);
      history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
      tell();
    },
    // Put an item into a list, or take it out.
    toggle(name, item, on) {
      const rest = chosen[name].filter((other) => other !== item);
      this.set({ [name]: on ? rest.concat(item) : rest });
    },
    listen(listener) { listeners.push(listener); },
    reset() { this.set(Object.assign({}, defaults, { off: [], without: [], pick: [] })); },
  };

  page.element = function (kind, parent, className, text) {
    const made = document.createElement(kind);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  };
})(window.page);
