// Shows the texts of one language. Without it the page reads in English.
(function () {
  "use strict";
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll("[data-language]")];
  function choose(code) {
    root.lang = code;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.language === code));
  }
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.language));
  const wished = [new URLSearchParams(location.search).get("lang"), ...(navigator.languages || [])];
  const known = wished.map((name) => String(name).slice(0, 2).toLowerCase());
  choose(known.find((code) => buttons.some((button) => button.dataset.language === code)) || "en");
})();
