// What is written beside and below the picture: details of the chosen box, and the same as a list.
"use strict";
(() => {
  const KINDS = {
    step: "step", dataset: "data set", model: "model", metrics: "metrics", report: "report",
    file: "artifact", more: "artifacts",
  };
  const MONO = new Set(["Digest", "Where", "Run"]);
  const NAMES = 8;

  // A text of the store never becomes markup: it is set as text.
  const make = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const linked = (text, address) => (address ? make("a", text, { href: address }) : text);

  const kindOf = ({ kind, source, failed }) =>
    [KINDS[kind], source ? "from outside" : "", failed ? "failed" : ""].filter(Boolean).join(", ");

  const names = (edges, title) => {
    const labels = new Set(edges.map((edge) => edge.data("label")));
    return [...labels].filter((label) => label && label !== title).slice(0, NAMES).join(", ");
  };

  const facts = (node) => {
    const { title, kind, facts: said } = node.data();
    const list = document.createElement("dl");
    for (const [name, value, address] of said) {
      const shown = make("dd", "", MONO.has(name) ? { class: "mono" } : {});
      shown.append(linked(value, address));
      list.append(make("dt", name), shown);
    }
    if (kind === "step" || kind === "more") return list;
    for (const [name, edges] of [["Written as", node.incomers("edge")], ["Read as", node.outgoers("edge")]]) {
      const text = names(edges, title);
      if (text) list.append(make("dt", name), make("dd", text));
    }
    return list;
  };

  // online: whether there is a server to ask for more
  const details = (node, online) => {
    const { title, kind, link } = node.data();
    const actions = make("div", "", { class: "actions" });
    if (link) actions.append(make("a", "Open", { class: "button", href: link }));
    if (online && kind !== "step" && kind !== "more") {
      for (const [text, side] of [["Came from", "up"], ["Made of it", "down"]]) {
        actions.append(make("button", text, { type: "button", "data-do": side }));
      }
    }
    const close = { type: "button", class: "close", "data-do": "close", "aria-label": "Close" };
    return [
      make("button", "×", close), make("h3", title), make("p", kindOf(node.data()), { class: "kind" }),
      facts(node), actions,
    ];
  };

  const sentence = (node) => {
    const { title, detail } = node.data();
    const [before, after] = [node.incomers("node").length, node.outgoers("node").length];
    return `${title}, ${kindOf(node.data())}, ${detail}. ${before} before it, ${after} after it.`;
  };

  const ends = (edges, end) => {
    const cell = make("td", edges.length ? "" : "nothing");
    edges.toArray().forEach((edge, number) => {
      const { title, link, detail } = edge[end]().data();
      cell.append(number ? ", " : "", linked(edge.data("label") || title, link), " ", make("code", detail));
    });
    return cell;
  };

  const row = (step) => {
    const { title, link, failed } = step.data();
    const head = make("th", "", { scope: "row" });
    head.append(linked(title, link), failed ? make("span", " failed", { class: "mark bad" }) : "");
    const made = document.createElement("tr");
    made.append(head, ends(step.incomers("edge"), "source"), ends(step.outgoers("edge"), "target"));
    return made;
  };

  const rows = (cy) => cy.nodes('[kind = "step"]').map(row);

  globalThis.kprov = { ...globalThis.kprov, make, details, sentence, rows };
})();
