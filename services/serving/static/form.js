// Makes the form answer without a reload. It sends the very POST that the browser would send, takes
// the page that comes back, and puts its parts in place; without this script the same page is shown.
"use strict";

(() => {
  const form = document.getElementById("form");
  const predict = form.querySelector("[data-predict]");
  const result = document.querySelector(".result");
  const answer = result.querySelector('[data-part="result"]');
  const DEADLINE_MS = 30_000;
  const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i;
  const GROUPED = /^[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+(\.\d*)?$/;
  let busy = false;

  const part = (root, name) => root.querySelector(`[data-part="${name}"]`);
  const fields = () => form.querySelectorAll("[data-field]");
  const controls = (field) => field.querySelectorAll("input, select");
  const focusable = (field) => field.querySelector("input:checked, input, select");

  function value(field) {
    const radios = field.querySelectorAll('input[type="radio"]');
    if (!radios.length) return focusable(field).value.trim();
    return field.querySelector("input:checked")?.value ?? "";
  }

  function setValue(field, text) {
    for (const control of controls(field)) {
      if (control.type === "radio") control.checked = control.value === text;
      else control.value = text;
    }
  }

  // What is wrong with a number can be said at once; whether a row is legal is for the server.
  function complaint(field) {
    const text = value(field);
    if (!("number" in field.dataset) || !text) return "";
    if (!NUMBER.test(text) && !GROUPED.test(text)) return "Write a number, with a point for decimals.";
    const { minimum, maximum, beyond } = field.dataset;
    if (beyond === undefined) {
      if (below(field)) return `Must be at least ${shown(minimum)}.`;
      if (above(field)) return `Must be at most ${shown(maximum)}.`;
    }
    if (field.dataset.number === "integer" && !Number.isInteger(numeric(field))) return "Must be a whole number.";
    return "";
  }

  // What comes of a number that the deployment takes although it is out of range.
  function remark(field) {
    const { beyond } = field.dataset;
    return beyond !== undefined && value(field) && (below(field) || above(field)) ? beyond : "";
  }

  // Not a number for what is none, so that it is neither below nor above.
  const numeric = (field) => Number(value(field).replace(/[ \u00a0\u202f]/g, ""));
  const below = (field) => numeric(field) < Number(field.dataset.minimum ?? -Infinity);
  const above = (field) => numeric(field) > Number(field.dataset.maximum ?? Infinity);

  function shown(bound) {
    const [whole, decimals] = String(Number(bound)).split(".");
    const spaced = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    return decimals === undefined ? spaced : `${spaced}.${decimals}`;
  }

  function setError(field, message) {
    field.classList.toggle("field--bad", Boolean(message));
    field.querySelector(".field__error").textContent = message;
    const target = field.querySelector('[role="radiogroup"]') ?? focusable(field);
    if (message) target.setAttribute("aria-invalid", "true");
    else target.removeAttribute("aria-invalid");
  }

  function setNote(field, message) {
    field.classList.toggle("field--noted", Boolean(message));
    field.querySelector(".field__note").textContent = message;
  }

  function hint(field, message) {
    field.querySelector(".field__hint")?.classList.toggle("field__hint--off", Boolean(message));
  }

  function markStale(stale) {
    const note = result.querySelector("[data-stale]");
    if (note) note.hidden = !stale;
    result.classList.toggle("result--stale", Boolean(note) && stale);
  }

  function showProblem(message) {
    const box = document.createElement("div");
    const title = document.createElement("p");
    const text = document.createElement("p");
    box.className = "problems";
    box.setAttribute("role", "alert");
    title.className = "problems__title";
    title.textContent = "There is no prediction";
    text.textContent = message;
    box.append(title, text);
    part(document, "problems").replaceChildren(box);
    box.scrollIntoView({ block: "nearest" });
  }

  function take(page) {
    const answered = !part(page, "problems").firstElementChild;
    for (const name of answered ? ["problems", "model", "result"] : ["problems", "model"]) {
      part(document, name).replaceChildren(...part(page, name).childNodes);
    }
    document.title = page.title;
    const told = new Map();
    for (const field of page.querySelectorAll("[data-field]")) told.set(field.dataset.field, field);
    for (const field of fields()) {
      const from = told.get(field.dataset.field);
      // The next release may treat numbers out of range otherwise.
      if (from?.dataset.beyond === undefined) delete field.dataset.beyond;
      else field.dataset.beyond = from.dataset.beyond;
      setError(field, from?.querySelector(".field__error").textContent ?? "");
      setNote(field, from?.querySelector(".field__note").textContent || remark(field));
      // What was answered is no mistake, whatever it looks like from here.
      hint(field, answered ? "" : complaint(field));
    }
    markStale(!answered);
    if (answered) offerCopy();
    arrive();
  }

  // Another page than the form, such as the question for a key.
  function turnTo(page) {
    document.documentElement.replaceWith(document.adoptNode(page.documentElement));
    document.querySelector("[autofocus]")?.focus();
  }

  function arrive() {
    const bad = form.querySelector(".field--bad");
    if (bad) {
      focusable(bad).focus();
      bad.scrollIntoView({ block: "nearest" });
      return;
    }
    const target = part(document, "problems").firstElementChild ?? result;
    const { top, bottom } = target.getBoundingClientRect();
    if (top < 0 || bottom > window.innerHeight) target.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  function setBusy(state) {
    busy = state;
    predict.setAttribute("aria-disabled", String(state));
    predict.textContent = state ? "Predicting…" : "Predict";
    answer.setAttribute("aria-busy", String(state));
  }

  async function send() {
    const response = await fetch(location.pathname, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (!response.headers.get("content-type")?.startsWith("text/html")) {
      throw new Error(`status ${response.status}`);
    }
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }

  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const page = await send();
      if (page.getElementById("form")) take(page);
      else turnTo(page);
    } catch {
      showProblem("The service could not be reached. Your values are still here: try again in a moment.");
    } finally {
      setBusy(false);
    }
  }

  function tryExample(event) {
    event.preventDefault();
    for (const field of fields()) {
      setValue(field, field.dataset.example);
      setError(field, "");
      setNote(field, "");
      hint(field, "");
    }
    part(document, "problems").replaceChildren();
    markStale(true);
    predict.focus();
  }

  function offerCopy() {
    const button = result.querySelector("[data-copy]");
    if (!button || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(result.querySelector("[data-id]").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy id"; }, 2_000);
    });
  }

  form.addEventListener("submit", submit);
  form.querySelector("[data-try-example]").addEventListener("click", tryExample);
  for (const field of fields()) {
    field.addEventListener("input", () => {
      const message = complaint(field);
      hint(field, message);
      setNote(field, remark(field));
      if (field.classList.contains("field--bad") && !message) setError(field, "");
      markStale(true);
    });
    field.addEventListener("change", () => setError(field, complaint(field)));
  }
  offerCopy();
})();
