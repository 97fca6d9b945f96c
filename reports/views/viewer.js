// The 3D view: the original beside whatever was picked, a row a shape, best first; one camera turns a row.
(function (page) {
  "use strict";

  const SIZE = 560; // pixels of an image; the style sheet scales it
  let renderer = null;
  let showError = true;

  // One WebGL context for all images: browsers allow few.
  function makeRenderer() {
    const made = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true, alpha: true });
    made.setPixelRatio(1);
    made.setSize(SIZE, SIZE, false);
    made.setClearColor(0x000000, 0);
    return made;
  }

  function material(colours) {
    const options = { side: THREE.DoubleSide, flatShading: true, shininess: colours ? 2 : 8 };
    return new THREE.MeshPhongMaterial(Object.assign(options, colours ? { vertexColors: true } : { color: 0xb8bec8 }));
  }

  async function geometry(panel) {
    if (!panel.geometry) {
      const mesh = await page.readMesh(panel, page.meshes.span);
      const made = new THREE.BufferGeometry();
      made.setAttribute("position", new THREE.BufferAttribute(mesh.positions, 3));
      made.setIndex(new THREE.BufferAttribute(mesh.indices, 1));
      panel.geometry = made;
      panel.errors = mesh.errors;
    }
    return panel.geometry;
  }

  // The colours of a panel's errors, where the palette ends at `scale`.
  function colour(panel, scale) {
    const colours = new Float32Array(3 * panel.errors.length);
    panel.errors.forEach((error, k) => {
      const shade = Math.min(255, Math.round((error * panel.largest) / scale));
      page.meshes.palette[shade].forEach((part, axis) => { colours[3 * k + axis] = part / 255; });
    });
    panel.geometry.setAttribute("color", new THREE.BufferAttribute(colours, 3));
  }

  async function makePanel(panel, parent, row) {
    const box = page.element("figure", parent, "panel");
    page.element("b", box, "", panel.title);
    const canvas = page.element("canvas", box);
    canvas.width = canvas.height = SIZE;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", row.view.shape + ", " + panel.title + ": " + (panel.failure || panel.subtitle));
    page.element("figcaption", box, "", panel.failure || panel.subtitle);
    if (panel.failure) { box.classList.add("lost"); return null; }
    const shape = await geometry(panel);
    if (panel.errors) colour(panel, row.scale);
    const scene = new THREE.Scene();
    const light = new THREE.DirectionalLight(0xffffff, 0.75);
    const mesh = new THREE.Mesh(shape, material(false));
    scene.add(mesh, light, new THREE.AmbientLight(0xffffff, 0.45));
    return { canvas: canvas, scene: scene, mesh: mesh, light: light, plain: mesh.material, coloured: panel.errors ? material(true) : mesh.material };
  }

  function makeCamera(view) {
    const camera = new THREE.PerspectiveCamera(view.degrees, 1, 0.05, 50);
    camera.position.set(...page.meshes.eye);
    return camera;
  }

  // Dragging turns, the wheel zooms once a row is in use (the page must scroll), arrows turn, a double click resets.
  function control(row, strip) {
    const controls = new THREE.TrackballControls(row.camera, strip);
    controls.rotateSpeed = 4;
    controls.staticMoving = true;
    controls.noZoom = true;
    controls.addEventListener("change", () => draw(row));
    const follow = () => { controls.update(); if (row.held) requestAnimationFrame(follow); };
    const hold = () => {
      controls.handleResize();
      controls.noZoom = false;
      if (!row.held) { row.held = true; follow(); }
    };
    strip.addEventListener("pointerdown", hold);
    strip.addEventListener("pointerleave", () => { controls.noZoom = true; row.held = false; });
    strip.addEventListener("dblclick", () => { controls.reset(); draw(row); });
    strip.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!turns) return;
      event.preventDefault();
      turn(row.camera, turns);
      draw(row);
    });
    row.controls = controls;
  }

  function turn(camera, [across, up]) {
    const place = new THREE.Spherical().setFromVector3(camera.position);
    place.theta += 0.2 * across;
    place.phi = Math.max(0.1, Math.min(Math.PI - 0.1, place.phi + 0.2 * up));
    camera.position.setFromSpherical(place);
    camera.up.set(0, 1, 0);
    camera.lookAt(0, 0, 0);
  }

  function draw(row) {
    row.panels.forEach((panel) => {
      panel.light.position.copy(row.camera.position);
      panel.mesh.material = showError ? panel.coloured : panel.plain;
      renderer.render(panel.scene, row.camera);
      const target = panel.canvas.getContext("2d");
      target.clearRect(0, 0, SIZE, SIZE);
      target.drawImage(renderer.domElement, 0, 0);
    });
  }

  function legend(box, scale) {
    const line = page.element("p", box, "scale");
    page.element("span", line, "", "0");
    page.element("span", line, "bar").setAttribute("aria-hidden", "true");
    page.element("span", line, "", scale.toPrecision(2) + " × 10⁻³ from the original");
  }

  async function makeRow(view, keys, parent) {
    const panels = view.panels.filter((panel) => !panel.key || keys.includes(panel.key));
    const scale = Math.max(1e-6, ...panels.filter((panel) => panel.scale !== undefined).map((panel) => panel.scale));
    const row = { view: view, camera: makeCamera(view), panels: [], scale: scale };
    const box = page.element("section", parent, "view");
    page.element("h3", box, "", view.shape).appendChild(page.element("small", null, "", " " + view.role));
    legend(box, scale);
    const strip = page.element("div", box, "strip");
    strip.tabIndex = 0;
    strip.setAttribute("role", "group");
    strip.setAttribute("aria-label", view.shape + ": arrow keys turn it");
    for (const panel of panels) {
      const made = await makePanel(panel, strip, row);
      if (made) row.panels.push(made);
    }
    control(row, strip);
    draw(row);
    return row;
  }

  // The views of the data set, by the error of the first pick: best first; failed ones last.
  function ordered(set, keys) {
    const views = page.meshes.views.filter((view) => view.dataset === set.name);
    const error = (view) => {
      const panel = view.panels.find((other) => other.key === keys[0]);
      return panel && panel.mean !== undefined ? panel.mean : Infinity;
    };
    return views.slice().sort((a, b) => error(a) - error(b) || 0);
  }

  function inked(row) {
    return row.panels.filter((panel) => {
      const pixels = panel.canvas.getContext("2d").getImageData(0, 0, SIZE, SIZE).data;
      let filled = 0;
      for (let k = 3; k < pixels.length; k += 4 * 97) filled += pixels[k] > 0 ? 1 : 0;
      return filled > 20;
    }).length;
  }

  function describe(title, state, set) {
    const names = state.pick.filter((key) => page.findPoint(set, key)).map((key) => {
      const point = page.findPoint(set, key);
      return page.content.codecs[point.codec].title + ", " + point.rate;
    });
    title.textContent = names.length ? "Shapes of " + names.join(" and ") : "Shapes, each codec at the rate that makes sizes most alike";
  }

  function makeHelp(root, redraw) {
    const help = page.element("p", root, "hint", "Drag to turn, wheel to zoom after a press, double click to start over. ");
    const label = page.element("label", help, "tick");
    const box = page.element("input", label);
    box.type = "checkbox";
    box.checked = true;
    page.element("span", label, "", "colour by error");
    box.addEventListener("change", () => { showError = box.checked; redraw(); });
  }

  // Build the part into `root`; returns what shows a state.
  page.makeViews = function (root) {
    const title = page.element("h3", root, "", "");
    if (!page.meshes || !window.DecompressionStream) {
      title.textContent = "Shapes";
      page.element("p", root, "hint", page.meshes ? "This browser is too old for the 3D view." : "This report holds no meshes.");
      return null;
    }
    try { renderer = makeRenderer(); } catch (error) {
      page.element("p", root, "hint", "This browser draws no WebGL; still images of the shapes stand below.");
      return null;
    }
    let rows = [];
    makeHelp(root, () => rows.forEach(draw));
    const host = page.element("div", root);
    let shown = "";
    return async (state) => {
      const set = page.dataset(state);
      const off = (key) => state.off.some((codec) => key.startsWith(codec + "@"));
      const picked = state.pick.filter((key) => page.findPoint(set, key));
      const keys = (picked.length ? picked : page.meshes.similar[set.name] || []).filter((key) => !off(key));
      const wanted = JSON.stringify([set.name, keys]);
      describe(title, state, set);
      if (wanted === shown) return;
      shown = wanted;
      delete root.dataset.drawn;
      const fresh = page.element("div", null, "rows-of-views");
      fresh.style.setProperty("--panels", String(Math.min(6, keys.length + 1)));
      const made = [];
      for (const view of ordered(set, keys)) made.push(await makeRow(view, keys, fresh));
      if (wanted !== shown) return; // the reader has chosen something else meanwhile
      rows.forEach((row) => row.controls.dispose());
      host.replaceChildren(fresh);
      rows = made;
      root.dataset.drawn = String(rows.reduce((count, row) => count + inked(row), 0));
      root.dataset.keys = keys.join(" ");
    };
  };
})(window.page);
