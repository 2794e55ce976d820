// Amounts in 元 or 万元: a choice of this browser, applied to every amount on the page.
import { fixed, grouped, shift } from "./numbers.js";

let many = false;
try {
  many = localStorage.getItem("unit") === "many";
} catch {
  // Storage may be closed to us.
}

export const inMany = () => many;

export const amount = (exact) => grouped(many ? shift(exact, 4, 2) : fixed(exact, 2));

export function showUnits(root = document) {
  for (const place of root.querySelectorAll("[data-money]")) place.textContent = amount(place.dataset.money);
  for (const place of root.querySelectorAll("[data-unit-of]")) {
    place.dataset.one ??= place.textContent;
    place.textContent = (many ? document.querySelector("[data-unit-many]") : null)?.textContent ?? place.dataset.one;
  }
  const button = document.querySelector("[data-unit]");
  if (button) {
    button.hidden = !document.querySelector("[data-money]");
    button.setAttribute("aria-pressed", String(many));
  }
}

export function watchUnits() {
  const button = document.querySelector("[data-unit]");
  button?.addEventListener("click", () => {
    many = !many;
    try {
      localStorage.setItem("unit", many ? "many" : "one");
    } catch {
      // It then holds for this page only.
    }
    showUnits();
    document.dispatchEvent(new CustomEvent("unit"));
  });
  showUnits();
}
