// Between inputs and values: an input's text as the API's JSON, and a value as the input or the output shows it.
import { fixed, grouped, parse, shift, trimmed } from "./numbers.js";
import { amount } from "./unit.js";
import { toLocal, toUtc } from "./zones.js";
import { ids, isFiles } from "./files.js";
import { put } from "../pickers.js";

/** Whether an input holds something. */
export function filled(input) {
  if (isFiles(input)) return ids(input).length > 0;
  return input.type === "checkbox" ? input.checked : Boolean(input.value);
}

export const NUMBERS = new Set(["integer", "decimal", "money", "price", "percent", "quantity", "duration"]);

function number(text, field) {
  const plain = text.replace(/[,，\s]/g, "").replace("−", "-");
  if (field.type === "percent") {
    const share = plain.replace(/[%％]$/, "");
    return parse(share) ? shift(share, 2, 6) : share;
  }
  if (field.kind === "integer" || field.kind === "duration") return /^[+-]?\d+$/.test(plain) ? Number(plain) : plain;
  return parse(plain) ? fixed(plain, Math.max(field.scale, parse(plain)[1])) : plain;
}

/** The value of one input (or output) as the API's JSON; null when empty. */
export function read(input, field, zone) {
  if (input.matches("output")) return input.dataset.value === undefined ? undefined : JSON.parse(input.dataset.value);
  if (isFiles(input)) {
    const held = ids(input);
    if ("many" in input.dataset) return held.length ? held : null;
    return held[0] ?? null;
  }
  if (field.type === "boolean") return input.checked;
  if (input.multiple) return [...input.selectedOptions].map((option) => option.value).filter(Boolean);
  const text = input.value.trim();
  if (text === "") return null;
  if (NUMBERS.has(field.type)) return number(text, field);
  if (field.kind === "datetime") return toUtc(text, zone);
  if (field.kind === "time" && text.length === 5) return `${text}:00`;
  if (field.type === "location") {
    const parts = text.split(/[,，;\s]+/);
    return parts.length === 2 ? { lat: parts[0], lon: parts[1] } : text;
  }
  return text;
}

/** A value as an input holds it. */
export function inputText(value, field, zone) {
  if (value === null || value === undefined) return "";
  if (field.type === "percent") return `${trimmed(shift(String(value), -2, 4))}%`;
  if (field.type === "price") return trimmed(String(value), 2);
  if (field.type === "quantity") return trimmed(String(value));
  if (field.kind === "datetime") return toLocal(value, zone);
  if (field.type === "location") return `${value.lat}, ${value.lon}`;
  return String(value);
}

/** A value as people read it. */
export function shown(value, field, zone) {
  if (value === null || value === undefined || value === "") return "";
  if (field.type === "location") return `${value.lat}, ${value.lon}`;
  if (typeof value === "object") return value.display ?? "";
  if (field.words) return field.words[String(value)] ?? String(value);
  if (field.type === "percent") return `${grouped(fixed(shift(String(value), -2, 4), 2))} %`;
  if (field.type === "price") return grouped(trimmed(String(value), 2));
  if (field.type === "money") return amount(String(value));
  if (NUMBERS.has(field.type)) return grouped(field.kind === "decimal" ? fixed(String(value), field.scale) : value) + (field.unit ? ` ${field.unit}` : "");
  if (field.kind === "datetime") return toLocal(value, zone).replace("T", " ");
  return String(value);
}

/** Shows a value that was computed: never counts as typed. */
export function write(input, value, field, zone) {
  if (input.matches("output")) {
    const text = shown(value, field, zone);
    input.dataset.value = JSON.stringify(value ?? null);
    if (text === input.textContent.trim()) return;
    input.textContent = text || (input.classList.contains("value") ? "–" : "");
    if (field.type === "money" && value !== null) input.dataset.money = value;
    input.classList.toggle("none", !text);
    flash(input);
    return;
  }
  if (isFiles(input)) return; // nothing computes a file
  if (input.matches("[data-picker]")) {
    if (input.value !== (value?.id ?? "")) put(input, value);
    return;
  }
  if (field.type === "boolean") {
    input.checked = value === true;
    return;
  }
  const text = typeof value === "object" && value && field.type !== "location" ? (value.id ?? "") : inputText(value, field, zone);
  if (input.value !== text) {
    input.value = text;
    flash(input);
  }
}

function flash(element) {
  element.classList.remove("changed");
  void element.offsetWidth; // starts the animation again
  element.classList.add("changed");
}
