// Every table of the page: it sorts by the column whose heading is pressed, and leaves out codecs switched off.
(function (page) {
  "use strict";

  // A cell's number ("1,234", "0.997≈", "-12.5 %"); NaN for text.
  function number(text) {
    const found = text.replace(/,/g, "").match(/^\s*[−-]?\d*\.?\d+(e[+-]?\d+)?/i);
    return found ? parseFloat(found[0].replace("−", "-")) : NaN;
  }

  // Numbers before texts, and cells without a value last whichever way the others run.
  function compare(first, second, direction) {
    const empty = (text) => text === "" || text === "-" || text === "–";
    if (empty(first) || empty(second)) return empty(first) - empty(second);
    const [a, b] = [number(first), number(second)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return direction * (a - b);
    return direction * first.localeCompare(second, "en", { numeric: true });
  }

  page.sortRows = function (table, column, direction) {
    const rows = Array.from(table.tBodies[0].rows);
    const text = (row) => row.cells[column].textContent.trim();
    rows.sort((a, b) => compare(text(a), text(b), direction));
    table.tBodies[0].append(...rows);
    Array.from(table.tHead.rows[0].cells).forEach((head, k) => {
      if (k === column) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };

  // Make the headings buttons; `sorted` is told the column and the direction instead of sorting at once.
  page.makeSortable = function (table, sorted) {
    if (!table.tHead || !table.tBodies.length) return;
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      const text = head.textContent;
      head.textContent = "";
      head.setAttribute("scope", "col");
      const button = page.element("button", head, "sort", text);
      button.type = "button";
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        (sorted || page.sortRows)(table, column, direction);
      });
    });
  };

  // Lines of a codec have its title in a cell; a codec that is compared with others may be a column: "vs Draco".
  function hides(text, titles) {
    return titles.has(text) || titles.has(text.replace(/^vs /, ""));
  }

  page.hideCodecs = function (table, titles) {
    if (!table.tHead || !table.tBodies.length) return;
    const heads = Array.from(table.tHead.rows[0].cells);
    const names = heads.map((head, k) => k).filter((k) => !heads[k].classList.contains("n"));
    heads.forEach((head, k) => {
      const gone = hides(head.textContent, titles);
      if (head.hidden === gone) return;
      Array.from(table.rows).forEach((row) => { row.cells[k].hidden = gone; });
    });
    Array.from(table.tBodies[0].rows).forEach((row) => {
      row.hidden = names.some((k) => hides(row.cells[k].textContent, titles));
    });
  };

  // The tables below the explorer, as they are printed.
  page.printedTables = function () {
    return Array.from(document.querySelectorAll("figure.table table"));
  };
})(window.page);
