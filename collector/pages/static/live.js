// Comfort only: without this file the page renews itself.
"use strict";

for (const place of document.querySelectorAll("[data-live]")) {
  let reloads = null;
  const source = new EventSource(place.dataset.live);
  const show = (event) => {
    place.innerHTML = JSON.parse(event.data).html; // made by our own server, which escapes what is of outside
  };
  const later = () => {
    source.close();
    reloads ??= setTimeout(() => location.reload(), 10000);
  };
  source.addEventListener("progress", show);
  source.addEventListener("end", (event) => {
    show(event);
    source.close();
  });
  source.addEventListener("pause", later);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) later();
  });
}
