// Small helps on every page: digests that can be copied, parts that come when they are there.
// Without this script everything is still there, behind links.
"use strict";
(() => {
  const AT_ONCE = 3;

  const say = (text) => {
    const place = document.getElementById("said");
    if (place) place.textContent = text;
  };

  // an address of a part of a page; the answer is our own markup, escaped by the server
  const part = async (address) => {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const template = document.createElement("template");
    template.innerHTML = await answer.text();
    return template.content;
  };

  const copyable = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("button.copy")) button.hidden = false;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button.copy");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("done");
      say("Copied");
      button.addEventListener("pointerleave", () => button.classList.remove("done"), { once: true });
      button.addEventListener("blur", () => button.classList.remove("done"), { once: true });
    } catch {
      say("The browser does not allow to copy");
    }
  });

  // verdicts of a list: a few at a time, those on the screen first
  const waiting = [];
  let running = 0;
  const next = () => {
    while (running < AT_ONCE && waiting.length) {
      const place = waiting.shift();
      running += 1;
      part(place.dataset.verdict)
        .then((found) => place.replaceChildren(found))
        .catch(() => {}) // the link to the page that judges it stays
        .finally(() => {
          running -= 1;
          next();
        });
    }
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.push(entry.target);
    }
    next();
  });
  const verdicts = (root) => {
    for (const place of root.querySelectorAll("[data-verdict]")) seen.observe(place);
  };

  const parts = () => {
    for (const place of document.querySelectorAll("[data-part]")) {
      const link = place.innerHTML;
      place.firstElementChild.textContent = "Counting…";
      place.setAttribute("aria-busy", "true");
      part(place.dataset.part)
        .then((found) => {
          place.replaceChildren(found);
          copyable(place);
          verdicts(place);
        })
        .catch(() => { place.innerHTML = link; })
        .finally(() => place.removeAttribute("aria-busy"));
    }
  };

  globalThis.kprov = { ...globalThis.kprov, say, copyable };
  copyable(document);
  verdicts(document);
  parts();
})();
