// How boxes and arrows look: colours from app.css, a shape and a sign for each kind, so that nothing
// is told by colour alone.
"use strict";
(() => {
  const WIDTH = 184, HEIGHT = 50, TEXT = 42, LENGTH = 19;

  // stroke paths on a field of 16 x 16
  const SIGNS = {
    step: "M3 3.500h10v9H3zM6.500 6l3.500 2-3.500 2z",
    dataset: "M2.500 4c0-2 11-2 11 0v8c0 2-11 2-11 0zM2.500 4c0 2 11 2 11 0M2.500 8c0 2 11 2 11 0",
    model: "M8 1.500 14 4.800v6.400L8 14.500 2 11.200V4.800zM2 4.800l6 3.200 6-3.200M8 8v6.500",
    metrics: "M2.500 13.500h11M4 11V7.500M8 11V3M12 11V5.500",
    report: "M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3M5.500 8h5M5.500 11h5",
    file: "M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3",
    more: "M3.500 8h.01M8 8h.01M12.500 8h.01",
  };
  const polygon = (points) => ({ shape: "polygon", "shape-polygon-points": points });
  const SHAPES = {
    step: { shape: "round-rectangle", "corner-radius": 3 },
    dataset: { shape: "round-rectangle", "corner-radius": HEIGHT / 2 },
    model: { ...polygon("-0.9 -1 0.9 -1 1 -0.62 1 0.62 0.9 1 -0.9 1 -1 0.62 -1 -0.62"), "border-width": 2.5 },
    metrics: polygon("-0.86 -1 0.86 -1 1 0 0.86 1 -0.86 1 -1 0"),
    report: polygon("-1 -1 0.86 -1 1 -0.47 1 1 -1 1"),
    file: { shape: "round-rectangle", "corner-radius": 10 },
    more: { shape: "round-rectangle", "corner-radius": 10, "border-style": "dotted" },
  };

  const shortened = (text, length) => (text.length <= length ? text : `…${text.slice(1 - length)}`);

  const sign = (kind, colour) => {
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 16 16"><path d="${SIGNS[kind]}" ` +
      `fill="none" stroke="${colour}" stroke-width="1.4" stroke-linejoin="round" stroke-linecap="round"/></svg>`;
    return `data:image/svg+xml,${encodeURIComponent(svg)}`;
  };

  // The style of cytoscape, in the colours that the page has now.
  const look = () => {
    const given = getComputedStyle(document.documentElement);
    const colour = (name) => given.getPropertyValue(`--${name}`).trim();
    const kinds = Object.entries(SHAPES).map(([kind, shape]) => {
      const fill = kind === "more" ? "file" : kind;
      const line = colour(`${fill}-line`);
      return {
        selector: `node[kind = "${kind}"]`,
        style: {
          ...shape,
          "background-color": colour(fill),
          "border-color": line,
          "background-image": sign(kind, line),
        },
      };
    });
    return [
      {
        selector: "node",
        style: {
          width: WIDTH, height: HEIGHT, "border-width": 1.5,
          label: "data(label)", color: colour("ink"), "font-size": 13, "font-weight": 500,
          "font-family": "system-ui, sans-serif", "line-height": 1.35,
          "text-wrap": "wrap", "text-max-width": WIDTH, "text-justification": "left",
          // to the right of the box and back into it: so all texts begin at one line
          "text-valign": "center", "text-halign": "right", "text-margin-x": TEXT - WIDTH,
          "background-width": 19, "background-height": 19,
          "background-position-x": 14, "background-position-y": "50%",
          "background-clip": "none", "background-image-containment": "over",
          "overlay-opacity": 0,
        },
      },
      ...kinds,
      { selector: "node[?source]", style: { "border-style": "dashed" } },
      {
        selector: "node[?failed]",
        style: { "border-style": "double", "border-width": 6, "border-color": colour("failed-line") },
      },
      { selector: "node[?start]", style: { "border-width": 4 } },
      {
        selector: "edge",
        style: {
          width: 1.5, "line-color": colour("arrow"), "curve-style": "round-segments", "segment-radii": 14,
          "segment-weights": "data(weights)", "segment-distances": "data(distances)",
          "edge-distances": "endpoints",
          "source-endpoint": "90deg", "target-endpoint": "270deg",
          "target-arrow-shape": "triangle", "target-arrow-color": colour("arrow"), "arrow-scale": 0.9,
          "font-size": 11, "font-family": "system-ui, sans-serif", color: colour("ink"),
          "text-wrap": "ellipsis", "text-max-width": 58, // between two boxes; the panel has the whole name
          "text-background-color": colour("paper"), "text-background-opacity": 0.92, "text-background-padding": 3,
          "overlay-opacity": 0,
        },
      },
      {
        selector: "edge.named",
        style: {
          label: "data(label)", width: 2.5, "z-index": 9,
          "line-color": colour("focus"), "target-arrow-color": colour("focus"),
        },
      },
      { selector: "node.near", style: { "border-color": colour("focus") } },
      {
        selector: "node.chosen",
        style: { "outline-width": 3, "outline-color": colour("focus"), "outline-offset": 3, "z-index": 10 },
      },
      {
        selector: "node.found",
        style: {
          "outline-width": 3, "outline-color": colour("found"), "outline-offset": 3, "outline-style": "dashed",
        },
      },
      {
        selector: "node.chosen.found",
        style: { "outline-style": "solid", "outline-color": colour("focus") },
      },
      { selector: ".faded", style: { opacity: 0.3 } },
    ];
  };

  const label = (node) => `${shortened(node.title, LENGTH)}\n${shortened(node.detail, LENGTH)}`;

  globalThis.kprov = { ...globalThis.kprov, look, label, box: { width: WIDTH, height: HEIGHT } };
})();
