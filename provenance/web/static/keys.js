// The picture by keyboard: arrow keys move along the arrows, and up and down within a layer.
"use strict";
(() => {
  const nearest = (from, nodes) => {
    const { x, y } = from.position();
    const away = (node) => Math.hypot(node.position("x") - x, 3 * (node.position("y") - y));
    return nodes.toArray().sort((one, other) => away(one) - away(other))[0];
  };

  const within = (cy, from, down) => {
    const { x, y } = from.position();
    const layer = cy.nodes().filter((node) => Math.abs(node.position("x") - x) < 1);
    const rest = layer.filter((node) => (down ? node.position("y") > y : node.position("y") < y));
    const away = (node) => Math.abs(node.position("y") - y);
    return rest.toArray().sort((one, other) => away(one) - away(other))[0];
  };

  const target = (cy, from, key) => {
    switch (key) {
      case "ArrowRight": return nearest(from, from.outgoers("node"));
      case "ArrowLeft": return nearest(from, from.incomers("node"));
      case "ArrowDown": return within(cy, from, true);
      case "ArrowUp": return within(cy, from, false);
      default: return undefined;
    }
  };

  const first = (cy) => {
    const starts = cy.nodes("[?start]");
    return (starts.nonempty() ? starts : cy.nodes().roots()).first();
  };

  // view: { cy, chosen(), choose(node), open(node), leave(), zoom(factor), fit(), find() }
  const listen = (container, view) => {
    const others = {
      Enter: () => view.chosen() && view.open(view.chosen()),
      Home: () => view.choose(first(view.cy)),
      Escape: () => view.leave(),
      "+": () => view.zoom(1.25), "=": () => view.zoom(1.25), "-": () => view.zoom(0.8),
      0: () => view.fit(), "/": () => view.find(),
    };
    container.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const from = view.chosen();
      if (event.key.startsWith("Arrow")) {
        const next = from ? target(view.cy, from, event.key) : first(view.cy);
        if (next) view.choose(next); else view.say(`Nothing further ${event.key.slice(5).toLowerCase()}`);
      } else if (event.key in others) {
        others[event.key]();
      } else {
        return;
      }
      event.preventDefault();
    });
  };

  globalThis.kprov = { ...globalThis.kprov, listen, first };
})();
