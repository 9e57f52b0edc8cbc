// The picture in its page: tools, what is chosen, what is found, going on from a box.
"use strict";
(() => {
  const { draw, extend, fit, listen, say, make, details, sentence, rows } = globalThis.kprov;
  const SEARCHED = new Set(["Digest", "Where", "Component", "Run", "Type"]); // a pipeline would be all of it
  const LABEL =
    "Lineage. Left and right move along the arrows, up and down within a layer, Enter opens, " +
    "Home goes to the start, plus and minus zoom, slash finds. The list below says the same.";
  const HELP = [
    ["← →", "along the arrows"], ["↑ ↓", "within a layer"], ["Enter", "open"], ["Home", "start"],
    ["+ − 0", "zoom"], ["/", "find"],
  ];
  const ROOM = 60; // around the chosen box, in pixels
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const read = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  class View {
    constructor(place, picture) {
      this.place = place;
      this.canvas = place.querySelector(".canvas");
      this.details = place.querySelector(".details");
      this.input = place.querySelector("#find");
      this.output = place.querySelector("output");
      this.online = Boolean(place.dataset.lineage);
      this.node = null;
      this.say = say;
      for (const part of [this.canvas, place.querySelector(".tools")]) part.hidden = false;
      place.querySelector(".still").hidden = true;
      this.cy = draw(this.canvas, picture);
      this.describe();
      this.listenToCanvas();
      this.listenToPage();
    }

    describe() {
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "application");
      this.canvas.setAttribute("aria-label", LABEL);
      const help = make("p", "", { class: "help" });
      for (const [keys, does] of HELP) help.append(make("kbd", keys), ` ${does}   `);
      this.place.querySelector(".legend").after(help);
    }

    listenToCanvas() {
      const { cy, canvas } = this;
      listen(canvas, this);
      cy.on("tap", (event) => {
        canvas.focus({ preventScroll: true });
        if (event.target === cy) this.leave();
        else if (event.target.isNode()) this.choose(event.target);
      });
      cy.on("dbltap", "node", (event) => this.open(event.target));
      cy.on("mouseover", "edge", (event) => event.target.addClass("named"));
      cy.on("mouseout", "edge", (event) => {
        if (!event.target.data("kept")) event.target.removeClass("named");
      });
      cy.on("mouseover", "node", () => { canvas.style.cursor = "pointer"; });
      cy.on("mouseout", "node", () => { canvas.style.cursor = ""; });
      canvas.addEventListener("focus", () => cy.userZoomingEnabled(true));
      canvas.addEventListener("blur", () => cy.userZoomingEnabled(false));
      new ResizeObserver(() => cy.resize()).observe(canvas);
    }

    listenToPage() {
      const does = {
        closer: () => this.zoom(1.25),
        farther: () => this.zoom(0.8),
        fit: () => this.fit(),
        close: () => { this.leave(); this.canvas.focus({ preventScroll: true }); },
        up: () => this.goOn("up"),
        down: () => this.goOn("down"),
      };
      this.place.addEventListener("click", (event) => {
        does[event.target.closest?.("[data-do]")?.dataset.do]?.();
      });
      this.input.addEventListener("input", () => this.search());
      this.input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { event.preventDefault(); this.nextFound(); }
        if (event.key === "Escape") {
          this.input.value = "";
          this.search();
          this.canvas.focus({ preventScroll: true });
        }
      });
    }

    chosen() { return this.node; }

    choose(node) {
      this.clear();
      this.node = node;
      node.addClass("chosen");
      node.connectedEdges().addClass("named").data("kept", true);
      node.neighborhood("node").addClass("near");
      this.details.replaceChildren(...details(node, this.online));
      this.details.hidden = false;
      this.cy.resize();
      say(sentence(node));
      this.bring(node);
    }

    clear() {
      this.cy.elements().removeClass("chosen near named");
      this.cy.edges().removeData("kept");
      this.node = null;
    }

    leave() { this.clear(); this.details.hidden = true; this.cy.resize(); }

    open(node) { if (node.data("link")) location.href = node.data("link"); }

    // into sight, with some room around it
    bring(node) {
      const box = node.renderedBoundingBox({ includeEdges: false, includeLabels: false });
      const x = Math.max(0, ROOM - box.x1) - Math.max(0, box.x2 + ROOM - this.cy.width());
      const y = Math.max(0, ROOM - box.y1) - Math.max(0, box.y2 + ROOM - this.cy.height());
      if (!x && !y) return;
      if (still.matches) this.cy.panBy({ x, y });
      else this.cy.stop().animate({ panBy: { x, y }, duration: 140, easing: "ease-out" });
    }

    zoom(factor) {
      const middle = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
      this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: middle });
    }

    fit() { fit(this.cy); }

    find() { this.input.focus(); this.input.select(); }

    async goOn(side) {
      const node = this.node;
      try {
        const picture = await read(`/graph.json?of=${encodeURIComponent(node.id())}&show=${side}`);
        const spot = { ...node.renderedPosition() };
        const added = extend(this.cy, picture);
        const now = node.renderedPosition();
        this.cy.panBy({ x: spot.x - now.x, y: spot.y - now.y });
        this.choose(node);
        this.list();
        const more = picture.moreSteps ? `, and ${picture.moreSteps} steps more are not drawn` : "";
        this.output.textContent = added ? `${added} added${more}` : "nothing more is known";
      } catch {
        this.output.textContent = "the store did not answer";
      }
      say(this.output.textContent);
    }

    // The list says the same as the picture, also after the picture has grown.
    list() {
      const made = rows(this.cy);
      this.place.querySelector(".same tbody").replaceChildren(...made);
      this.place.querySelector(".same summary").textContent = `The same as a list (${made.length} steps)`;
    }

    search() {
      const text = this.input.value.trim().toLowerCase();
      const fits = (node) => {
        const { id, title, detail, facts } = node.data();
        const named = facts.filter(([name]) => SEARCHED.has(name)).map(([, value]) => value);
        return [id, title, detail, ...named].some((part) => part.toLowerCase().includes(text));
      };
      this.cy.elements().removeClass("found faded");
      this.hits = text ? this.cy.nodes().filter(fits) : this.cy.collection();
      this.at = -1;
      if (this.hits.nonempty()) {
        this.hits.addClass("found");
        this.cy.nodes().difference(this.hits).addClass("faded");
      }
      const next = this.hits.length ? ", Enter goes to the next" : "";
      this.output.textContent = text ? `${this.hits.length} found${next}` : "";
    }

    nextFound() {
      if (!this.hits?.length) return;
      this.at = (this.at + 1) % this.hits.length;
      this.choose(this.hits[this.at]);
    }
  }

  for (const place of document.querySelectorAll(".lineage")) {
    const inside = place.querySelector('script[type="application/json"]');
    Promise.resolve(inside ? JSON.parse(inside.textContent) : read(place.dataset.lineage))
      .then((picture) => { place.view = new View(place, picture); })
      .catch(() => {}); // the still picture stays
  }
})();
