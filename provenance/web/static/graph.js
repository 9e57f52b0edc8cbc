// A picture as JSON -> cytoscape, in layers from left to right (dagre).
"use strict";
(() => {
  const { look, label, box } = globalThis.kprov;
  const GAP = { rank: 62, node: 20, edge: 12 };
  const STUB = 12; // an arrow leaves and enters a box straight
  const READABLE = 0.62; // of the size in which texts are drawn
  const MARGIN = 24;

  const element = (node) => ({ group: "nodes", data: { ...node, label: label(node) } });
  const arrow = (edge) => ({
    group: "edges",
    data: { id: `${edge.source} ${edge.target}`, ...edge, weights: [0.5], distances: [0] },
  });

  // Places of the boxes, and for each arrow the points that it bends at.
  const placed = (cy) => {
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "LR", ranksep: GAP.rank, nodesep: GAP.node, edgesep: GAP.edge, acyclicer: "greedy" });
    graph.setDefaultEdgeLabel(() => ({}));
    cy.nodes().forEach((node) => { graph.setNode(node.id(), { ...box }); });
    cy.edges().forEach((edge) => { graph.setEdge(edge.data("source"), edge.data("target"), {}); });
    dagre.layout(graph);
    return graph;
  };

  // Cytoscape wants the bends as weights along the line between the ends, and distances from it.
  const bends = (source, target, points, lowest) => {
    const from = { x: source.x + box.width / 2, y: source.y };
    const to = { x: target.x - box.width / 2, y: target.y };
    // what goes back, to a step that reads what it wrote before, goes around below
    const under = (x) => ({ x, y: lowest(target.x, source.x) + box.height / 2 + GAP.node });
    const way = to.x < from.x ? [under(from.x + STUB), under(to.x - STUB)] : points;
    const through = [{ x: from.x + STUB, y: from.y }, ...way, { x: to.x - STUB, y: to.y }];
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(dx, dy) || 1;
    return {
      weights: through.map((p) => ((p.x - from.x) * dx + (p.y - from.y) * dy) / length ** 2),
      distances: through.map((p) => ((p.y - from.y) * dx - (p.x - from.x) * dy) / length),
    };
  };

  const arrange = (cy) => {
    const graph = placed(cy);
    const places = graph.nodes().map((name) => graph.node(name));
    const lowest = (left, right) =>
      Math.max(...places.filter(({ x }) => x >= left && x <= right).map(({ y }) => y));
    cy.batch(() => {
      cy.nodes().forEach((node) => { node.position({ x: graph.node(node.id()).x, y: graph.node(node.id()).y }); });
      cy.edges().forEach((edge) => {
        const [source, target] = [graph.node(edge.data("source")), graph.node(edge.data("target"))];
        const points = graph.edge(edge.data("source"), edge.data("target")).points.slice(1, -1);
        const [from, to] = [source.x + box.width / 2 + STUB, target.x - box.width / 2 - STUB];
        const between = points.filter((p) => p.x > from && p.x < to);
        // of an arrow to the next layer the one point in the middle only makes a needless bend
        edge.data(bends(source, target, between.length > 1 ? between : [], lowest));
      });
    });
  };

  const fit = (cy) => {
    cy.fit(undefined, MARGIN);
    if (cy.zoom() > 1) { cy.zoom(1); cy.center(); }
  };

  // No empty space on a side where there is more on the other.
  const clamp = (cy) => {
    const { x1, x2, y1, y2 } = cy.elements().renderedBoundingBox();
    const shift = (low, high, size) => {
      if (high - low <= size - 2 * MARGIN) return (size - high - low) / 2;
      return Math.min(0, MARGIN - low) + Math.max(0, size - MARGIN - high);
    };
    cy.panBy({ x: shift(x1, x2, cy.width()), y: shift(y1, y2, cy.height()) });
  };

  // As high as it must be for the width that there is, and never higher than most of the window.
  const grow = (cy, container) => {
    const { w, h } = cy.elements().boundingBox();
    const zoom = Math.min(1, (cy.width() - 2 * MARGIN) / w);
    const height = h * (zoom < READABLE ? 0.8 : zoom) + 2 * MARGIN + 24;
    const allowed = Math.max(240, Math.min(height, 640, 0.7 * innerHeight));
    container.style.minHeight = `${Math.round(allowed)}px`;
    cy.resize();
  };

  // All of it if it can be read then, else from what was asked about on.
  const show = (cy) => {
    fit(cy);
    if (cy.zoom() >= READABLE) return;
    cy.zoom(0.8);
    const starts = cy.nodes("[?start]");
    cy.center((starts.nonempty() ? starts : cy.nodes().roots()).first());
    clamp(cy);
  };

  const draw = (container, picture) => {
    const cy = cytoscape({
      container,
      elements: [...picture.nodes.map(element), ...picture.edges.map(arrow)],
      style: look(),
      layout: { name: "preset" },
      minZoom: 0.05, maxZoom: 2.5,
      userZoomingEnabled: false, // else the wheel could not scroll the page past the picture
      boxSelectionEnabled: false, autounselectify: true, autoungrabify: true,
    });
    arrange(cy);
    grow(cy, container);
    show(cy);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cy.style(look()));
    return cy;
  };

  // Adds what is not there yet; returns how many boxes that were.
  const extend = (cy, picture) => {
    const unknown = (item) => cy.getElementById(item.data.id).empty();
    const nodes = picture.nodes.map((node) => element({ ...node, start: false })).filter(unknown);
    cy.add(nodes);
    const known = (edge) => [edge.source, edge.target].every((end) => cy.getElementById(end).nonempty());
    cy.add(picture.edges.filter(known).map(arrow).filter(unknown));
    // what another picture knows the origin of is not from outside
    cy.nodes("[?source]").forEach((node) => { if (node.indegree() > 0) node.data("source", false); });
    arrange(cy);
    return nodes.length;
  };

  globalThis.kprov = { ...globalThis.kprov, draw, extend, fit };
})();
