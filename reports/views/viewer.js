// Draws the views: one WebGL context for all panels, one camera a row, so that a row's panels turn together.
(function () {
  "use strict";
  const content = JSON.parse(document.getElementById("views").textContent);
  const root = document.getElementById("viewer");
  let renderer;
  try {
    renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  } catch (error) {
    root.textContent = "This browser draws no WebGL; the still images below show the same shapes.";
    return;
  }
  const SIZE = 320;
  renderer.setPixelRatio(1);
  renderer.setSize(2 * SIZE, 2 * SIZE, false);
  renderer.setClearColor(0xffffff);
  const rows = [];
  let showError = true;
  let drawn = 0;

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  }

  function makeMesh(panel) {
    const geometry = new THREE.BufferGeometry();
    const steps = new Int16Array(bytes(panel.positions));
    const indices = bytes(panel.indices);
    geometry.setAttribute("position", new THREE.BufferAttribute(Float32Array.from(steps, (s) => (s / 32767) * content.span), 3));
    geometry.setIndex(new THREE.BufferAttribute(panel.wide ? new Uint32Array(indices) : new Uint16Array(indices), 1));
    if (panel.errors !== null) {
      const errors = new Uint8Array(bytes(panel.errors));
      const colours = new Float32Array(3 * errors.length);
      errors.forEach((error, k) => colours.set(content.palette[error].map((c) => c / 255), 3 * k));
      geometry.setAttribute("color", new THREE.BufferAttribute(colours, 3));
    }
    const plain = new THREE.MeshPhongMaterial({ color: 0xb8bec8, side: THREE.DoubleSide, flatShading: true, shininess: 8 });
    const coloured = new THREE.MeshPhongMaterial({ vertexColors: true, side: THREE.DoubleSide, flatShading: true, shininess: 2 });
    const mesh = new THREE.Mesh(geometry, plain);
    mesh.userData = { plain: plain, coloured: panel.errors === null ? plain : coloured };
    return mesh;
  }

  function element(kind, parent, className, text) {
    const made = document.createElement(kind);
    if (className) made.className = className;
    if (text) made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  function makePanel(panel, parent) {
    const box = element("div", parent, "panel");
    element("b", box, "", panel.title);
    const canvas = element("canvas", box);
    canvas.width = canvas.height = 2 * SIZE;
    element("small", box, "", panel.failure || panel.subtitle);
    if (panel.failure) return null;
    const scene = new THREE.Scene();
    const mesh = makeMesh(panel);
    const light = new THREE.DirectionalLight(0xffffff, 0.75);
    scene.add(mesh, light, new THREE.AmbientLight(0xffffff, 0.45));
    return { canvas: canvas, scene: scene, mesh: mesh, light: light };
  }

  function makeRow(view) {
    const box = element("section", root, "view");
    element("h3", box, "", view.dataset + ", " + view.title);
    const legend = element("p", box, "legend");
    element("span", legend, "", "0");
    element("span", legend, "bar");
    element("span", legend, "", view.scale.toPrecision(2) + " × 10⁻³ from the original");
    const strip = element("div", box, "strip");
    const panels = view.panels.map((panel) => makePanel(panel, strip)).filter((panel) => panel !== null);
    const camera = new THREE.PerspectiveCamera(view.degrees, 1, 0.05, 50);
    camera.position.set(content.eye[0], content.eye[1], content.eye[2]);
    const controls = new THREE.TrackballControls(camera, strip);
    controls.rotateSpeed = 4;
    controls.staticMoving = true;
    controls.noZoom = true; // until the row is used: the page must scroll
    const row = { panels: panels, camera: camera, controls: controls };
    controls.addEventListener("change", () => draw(row));
    strip.addEventListener("pointerdown", () => { controls.noZoom = false; });
    strip.addEventListener("pointerleave", () => { controls.noZoom = true; });
    strip.addEventListener("dblclick", () => { controls.reset(); draw(row); });
    rows.push(row);
  }

  function draw(row) {
    row.panels.forEach((panel) => {
      panel.light.position.copy(row.camera.position);
      panel.mesh.material = showError ? panel.mesh.userData.coloured : panel.mesh.userData.plain;
      renderer.render(panel.scene, row.camera);
      panel.canvas.getContext("2d").drawImage(renderer.domElement, 0, 0);
    });
  }

  function countDrawn() {
    rows.forEach((row) => row.panels.forEach((panel) => {
      const pixels = panel.canvas.getContext("2d").getImageData(0, 0, 2 * SIZE, 2 * SIZE).data;
      let filled = 0;
      for (let k = 0; k < pixels.length; k += 4 * 97) filled += pixels[k] < 250 && pixels[k + 3] > 0 ? 1 : 0;
      drawn += filled > 20 ? 1 : 0;
    }));
    root.dataset.drawn = String(drawn);
  }

  const help = element("p", root, "help", "Drag to turn, wheel to zoom after a click, double click to start over. ");
  const label = element("label", help);
  const box = element("input", label);
  box.type = "checkbox";
  box.checked = true;
  label.appendChild(document.createTextNode(" colour by error"));
  box.addEventListener("change", () => { showError = box.checked; rows.forEach(draw); });

  content.views.forEach(makeRow);
  rows.forEach(draw);
  countDrawn();
  (function animate() {
    requestAnimationFrame(animate);
    rows.forEach((row) => row.controls.update());
  })();
})();
