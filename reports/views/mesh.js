// Meshes as the page carries them: base64 of zlib of planes of bytes, described in viewer.py.
(function (page) {
  "use strict";

  async function inflated(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Coordinates of the vertices, from their differences along x, y and z.
  function positions(data, count, span) {
    const made = new Float32Array(3 * count);
    for (let axis = 0; axis < 3; axis += 1) {
      let sum = 0;
      for (let k = 0; k < count; k += 1) {
        const place = axis * count + k;
        sum = (sum + data[place] + 256 * data[3 * count + place]) & 0xffff;
        made[3 * k + axis] = ((sum > 0x7fff ? sum - 0x10000 : sum) / 32767) * span;
      }
    }
    return made;
  }

  function indices(data, start, count) {
    const made = new Uint32Array(count);
    let sum = 0;
    for (let k = 0; k < count; k += 1) {
      const folded = data[start + k] | (data[start + count + k] << 8) | (data[start + 2 * count + k] << 16);
      sum += (folded >>> 1) ^ -(folded & 1);
      made[k] = sum;
    }
    return made;
  }

  // {positions, indices, errors}; errors are bytes, 255 is the panel's largest, or null for an original.
  page.readMesh = async function (panel, span) {
    const data = await inflated(panel.data);
    const start = 6 * panel.vertices;
    return {
      positions: positions(data, panel.vertices, span),
      indices: indices(data, start, 3 * panel.faces),
      errors: panel.scale === undefined ? null : data.subarray(start + 9 * panel.faces),
    };
  };
})(window.page);
