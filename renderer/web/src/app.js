// What every page loads. htmx swaps parts of pages; the islands load their own code when they are on the page.
import htmx from "htmx.org/dist/htmx.esm.js";
import { grouped } from "./lib/numbers.js";
import { watchFilters } from "./lib/filters.js";
import { watchMenus } from "./lib/menus.js";
import { watchStream } from "./lib/stream.js";
import { showUnits, watchUnits } from "./lib/unit.js";

window.htmx = htmx;

function here() {
  for (const field of document.querySelectorAll("[data-here]")) field.value = location.pathname + location.search;
  const back = document.querySelector("[data-back]");
  if (back && history.length > 1 && document.referrer.split("?")[0] === location.href.split("?")[0]) {
    back.hidden = false;
    back.addEventListener("click", (event) => {
      event.preventDefault();
      history.back();
    });
  }
}

/** A table that fits needs no box to scroll in, and its head may stick. */
function fit() {
  for (const frame of document.querySelectorAll(".list .table-frame")) {
    frame.classList.remove("fits");
    frame.classList.toggle("fits", frame.scrollWidth <= frame.clientWidth);
  }
}

/** How many there are is asked beside the page, so that it never waits for counting. */
async function count() {
  const place = document.querySelector("[data-count-of]:empty");
  if (!place) return;
  const address = new URL(place.dataset.countOf, location.origin);
  for (const [name, value] of [["count", "exact"], ["limit", "1"], ["fields", "id"]]) address.searchParams.set(name, value);
  const answer = await fetch(address, { headers: { accept: "application/json" }, credentials: "same-origin" });
  const total = answer.ok ? (await answer.json()).total : undefined;
  if (total !== undefined) place.textContent = place.dataset.said.replace("{n}", grouped(String(total)));
}

function rows() {
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-href]");
    if (!row || event.target.closest("a, button, input") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href);
    else location.href = row.dataset.href;
  });
}

function theme() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = document.documentElement.dataset.bsTheme !== "dark";
    document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
    try {
      localStorage.setItem("theme", dark ? "dark" : "light");
    } catch {
      // It then holds for this page only.
    }
    document.dispatchEvent(new CustomEvent("theme"));
  });
}

watchMenus();
watchUnits();
watchFilters();
here();
rows();
theme();
fit();
addEventListener("resize", fit);
count().catch(() => {});
function swapped() {
  showUnits();
  watchFilters();
  here();
  fit();
  count().catch(() => {});
}
document.addEventListener("htmx:after:swap", swapped);
watchStream(swapped);
for (const note of document.querySelectorAll("[data-fade]")) setTimeout(() => note.remove(), 4000);
if (document.querySelector("#summary:not([hidden])")) document.querySelector("#summary").focus();
