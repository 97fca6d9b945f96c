// From the sums of each category to the values of a point over the categories that are switched on.
(function (page) {
  "use strict";

  const INTERVAL = 1.96; // half the width of a normal 95 % interval, in standard errors

  // Mean, 95 % interval and range of one metric over some categories; null where a shape has no value.
  function spread(groups, parts) {
    const counted = parts.filter((k) => groups.counts[k] > 0);
    if (!counted.length || counted.some((k) => !groups.spreads[k].length)) return null;
    const count = counted.reduce((sum, k) => sum + groups.counts[k], 0);
    const mean = counted.reduce((sum, k) => sum + groups.counts[k] * groups.spreads[k][0], 0) / count;
    const squares = counted.reduce(
      (sum, k) => sum + groups.spreads[k][1] + groups.counts[k] * (groups.spreads[k][0] - mean) ** 2, 0);
    const margin = count > 1 ? INTERVAL * Math.sqrt(squares / (count - 1) / count) : NaN;
    return {
      mean: mean,
      low: mean - margin,
      high: mean + margin,
      least: Math.min(...counted.map((k) => groups.spreads[k][2])),
      most: Math.max(...counted.map((k) => groups.spreads[k][3])),
    };
  }

  function sum(point, parts, column) {
    return parts.reduce((total, k) => total + point.groups[k][column], 0);
  }

  // The mean of a floor over the shapes that did not fail.
  function floor(point, parts, name) {
    const fine = parts.filter((k) => point.floors[name][k].length);
    const counts = fine.map((k) => point.groups[k][1] - point.groups[k][2]);
    const count = counts.reduce((total, n) => total + n, 0);
    return fine.reduce((total, k, n) => total + counts[n] * point.floors[name][k][0], 0) / count;
  }

  // One point over the categories `parts`: what all shapes share counts there in proportion to their number.
  page.evaluate = function (point, parts) {
    const shapes = sum(point, parts, 0);
    // Bytes a shape and ratio are of the shapes that have bytes.
    const coded = sum(point, parts, 5);
    const all = sum(point, Object.keys(point.groups), 5);
    const bytes = point.bytes === null ? NaN : (point.shared * coded) / all + sum(point, parts, 3);
    const found = {
      point: point,
      codec: page.content.codecs[point.codec],
      key: page.content.codecs[point.codec].id + "@" + point.rate,
      shapes: shapes,
      failed: sum(point, parts, 2),
      values: {
        bytes_per_shape: bytes / coded,
        ratio: sum(point, parts, 4) / bytes,
        encode_s: point.encode_s === null ? NaN : point.encode_s,
        decode_s: point.decode_s === null ? NaN : point.decode_s,
      },
      spreads: {},
      floors: {},
    };
    const counts = point.groups.map((group) => group[1]);
    Object.keys(point.metrics).forEach((name) => {
      const made = spread({ counts: counts, spreads: point.metrics[name] }, parts);
      found.spreads[name] = made;
      found.values[name] = made ? made.mean : NaN;
    });
    Object.keys(point.floors).forEach((name) => { found.floors[name] = floor(point, parts, name); });
    return found;
  };

  page.dataset = function (state) {
    return page.content.datasets.find((set) => set.name === state.data) || page.content.datasets[0];
  };

  // The points of the chosen data set whose codec is switched on, over the categories that are.
  page.visible = function (state) {
    const set = page.dataset(state);
    let parts = set.categories.map((name, k) => k).filter((k) => !state.without.includes(set.categories[k]));
    if (!parts.length) parts = set.categories.map((name, k) => k);
    return set.points
      .filter((point) => !state.off.includes(page.content.codecs[point.codec].id))
      .map((point) => page.evaluate(point, parts))
      .filter((found) => found.shapes > 0);
  };

  page.measure = function (name) {
    return page.content.measures.find((measure) => measure.name === name);
  };

  // A number as the tables write it.
  page.written = function (value, measure) {
    if (!Number.isFinite(value)) return "–";
    if (measure.digits !== null) {
      return value.toLocaleString("en-US", { minimumFractionDigits: measure.digits, maximumFractionDigits: measure.digits });
    }
    return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
  };

  // A number at an axis: 0.02, 3.5, 120, 1.5k, 15k, 2M.
  page.tick = function (value) {
    const size = Math.abs(value);
    if (size >= 1e6) return +(value / 1e6).toPrecision(3) + "M";
    if (size >= 1e3) return +(value / 1e3).toPrecision(3) + "k";
    return String(+value.toPrecision(3));
  };
})(window.page);
