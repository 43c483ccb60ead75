// Lets every embedded page of novostroiki in an article be as high as it asks to be. Without it they are whole, too.
addEventListener("message", (event) => {
  if (!event.data || typeof event.data.novostroiki !== "string" || !(event.data.height > 0)) return;
  for (const frame of document.querySelectorAll("iframe[data-novostroiki]"))
    if (event.source === frame.contentWindow && event.data.novostroiki === frame.dataset.novostroiki) {
      frame.style.aspectRatio = "auto";
      frame.style.height = Math.min(event.data.height, 5000) + "px";
    }
});
