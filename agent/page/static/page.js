// Comfort only: without this script the page loads itself again while a check runs.
"use strict";

(() => {
  const at = (id) => document.getElementById(id);
  const check = at("check");

  function show(told) {
    const step = at("step");
    if (step.textContent !== told.step) step.textContent = told.step;
    const share = at("share");
    if (told.share === null) share.removeAttribute("value");
    else share.value = told.share;
    for (const [name, rate] of Object.entries(told.rates)) {
      at("value-" + name).textContent = rate.text;
      const drawing = at("gauge-" + name);
      drawing.querySelector(".fill").setAttribute("stroke-dasharray", rate.filled + " 200");
      drawing.classList.toggle("empty", rate.filled === 0);
      drawing.classList.toggle("active", name === told.now);
    }
  }

  function over(source) {
    source.close();
    location.replace("/?lang=" + document.documentElement.lang);
  }

  function watch() {
    const source = new EventSource("/events?lang=" + document.documentElement.lang);
    let failures = 0;
    source.addEventListener("step", (event) => {
      failures = 0;
      at("lost").hidden = true;
      show(JSON.parse(event.data));
    });
    source.addEventListener("over", () => over(source));
    source.addEventListener("error", () => {
      failures += 1;
      if (failures > 2) at("lost").hidden = false;
      // The browser tries again by itself, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    });
  }

  function countDown(pause) {
    const text = pause.textContent;
    const first = pause.dataset.seconds;
    let left = Number(first);
    const timer = setInterval(() => {
      left -= 1;
      if (left > 0) {
        pause.textContent = text.replace(first, String(left));
        return;
      }
      clearInterval(timer);
      pause.remove();
      at("begin").removeAttribute("aria-disabled");
    }, 1000);
    at("begin").form.addEventListener("submit", (event) => {
      if (at("begin").getAttribute("aria-disabled") === "true") event.preventDefault();
    });
  }

  if (check && "running" in check.dataset) watch();
  const pause = at("pause");
  if (pause) countDown(pause);
})();
