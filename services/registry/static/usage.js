// Copy buttons; without script, text is selected by hand.
"use strict";

const SHOWN_FOR = 2000;

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const code = button.parentElement.querySelector("[data-code]");
  const words = button.dataset.words ?? (button.dataset.words = button.textContent);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // Without https browsers keep pages from the clipboard.
    select(code);
    button.textContent = "Press Ctrl+C";
  }
  clearTimeout(button.timer);
  button.timer = setTimeout(() => { button.textContent = words; }, SHOWN_FOR);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => copy(button));
}
