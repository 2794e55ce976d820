// A record's form: line grids, pickers, what is typed and what follows, and what is wrong beside the field.
import { Live } from "./lib/live.js";
import { Lines } from "./lib/lines.js";
import { filled, read } from "./lib/fields.js";
import { Attachments, ids, isFiles } from "./lib/files.js";
import { grouped, sum } from "./lib/numbers.js";
import { resolveWith, watchPickers } from "./pickers.js";

/** Where the person stands, for a field that holds a place; the browser asks him whether he wants to tell. */
function watchPlaces() {
  if (!navigator.geolocation) return;
  for (const button of document.querySelectorAll("[data-locate]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = button.previousElementSibling;
      navigator.geolocation.getCurrentPosition(({ coords }) => {
        input.value = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`;
        input.dispatchEvent(new Event("input", { bubbles: true }));
        input.dispatchEvent(new Event("change", { bubbles: true }));
      });
    });
  }
}

class Form {
  constructor(element, data) {
    this.element = element;
    this.data = data;
    this.texts = data.texts;
    this.csrf = element.elements._csrf?.value ?? "";
    this.grids = new Map();
    this.live = new Live(this, data);
    this.dirty = false;
    this.refused = !element.querySelector("#summary").hidden; // what was sent then is not what is stored
    for (const box of element.querySelectorAll("[data-grid]")) this.grids.set(box.dataset.grid, new Lines(box, this));
    this.remember();
    element.addEventListener("input", (event) => this.typed(event.target));
    element.addEventListener("change", (event) => this.typed(event.target));
    element.addEventListener("submit", (event) => this.submit(event));
    addEventListener("beforeunload", (event) => {
      if (this.dirty) event.preventDefault();
    });
    resolveWith((select, path) => this.resolve(select, path));
    watchPickers();
    watchPlaces();
    this.files = new Attachments(this);
    this.live.anticipate();
  }

  /** Values at the start: stored lines keep theirs, and what a refused form sent counts as typed. */
  remember() {
    for (const [name, grid] of this.grids) {
      grid.rows().forEach((row, at) => {
        row.stored = (this.data.values[name] ?? [])[at] ?? {};
      });
    }
    for (const input of this.element.querySelectorAll("[data-field]")) {
      if (input.matches("output")) {
        const line = input.closest("[data-line]");
        const value = (line ? line.stored : this.data.values)?.[input.dataset.field];
        if (value !== undefined) input.dataset.value = JSON.stringify(value);
      } else if (filled(input)) input.dataset.typed = "";
      if (!input.matches("output")) input.dataset.first = this.held(input);
    }
  }

  held(input) {
    if (isFiles(input)) return ids(input).join(",");
    if (input.type === "checkbox") return String(input.checked);
    return input.multiple ? [...input.selectedOptions].map((option) => option.value).join(",") : input.value;
  }

  input(root, name) {
    const found = root.querySelectorAll(`[data-field="${name}"]`);
    if (root !== this.element) return found[0] ?? null;
    return [...found].find((input) => !input.closest("[data-line]")) ?? null;
  }

  isTyped(input) {
    return "typed" in input.dataset;
  }

  /** Of a stored record: as it was read, so there is nothing to send. */
  isStored(input) {
    const kept = this.data.id && (!input.closest("[data-line]") || input.closest("[data-stored]"));
    return Boolean(kept) && !this.refused && input.dataset.first === this.held(input);
  }

  typed(input) {
    if (!input.matches?.("[data-field]")) return;
    input.dataset.typed = "";
    if (input.value === "" && input.type !== "checkbox" && this.followsOf(input)) delete input.dataset.typed;
    input.removeAttribute("aria-invalid");
    input.closest("[data-box]")?.querySelector(".complaints")?.remove();
    this.changed(input);
  }

  /** An emptied field whose default follows takes the default up again. */
  followsOf(input) {
    const grid = input.closest("[data-grid]")?.dataset.grid;
    const entity = grid ? this.data.entity.lines[grid] : this.data.entity;
    return entity.fields.find((field) => field.name === input.dataset.field)?.follows === true;
  }

  changed() {
    this.dirty = true;
    this.live.anticipate();
  }

  day() {
    return this.element.querySelector("input[type=date][data-field]")?.value || this.data.bound.today;
  }

  /** `this.` of a picker's condition, seen from the select: its line, else the record. */
  resolve(select, path) {
    const row = select.closest("[data-line]");
    const steps = path.split(".");
    const root = this.live.record();
    if (!row) return steps.length === 1 ? root[path] : undefined;
    const line = this.live.line(select.closest("[data-grid]").dataset.grid, row);
    if (steps.length === 1) return line[path];
    return steps.length === 2 ? root[steps[1]] : undefined;
  }

  markNeeded(box, needed) {
    const label = box.querySelector("label");
    let mark = label?.querySelector(".must");
    if (needed && label && !mark) {
      mark = document.createElement("span");
      mark.className = "must";
      mark.textContent = "*";
      mark.setAttribute("aria-hidden", "true");
      label.append(mark);
    } else if (!needed) mark?.remove();
    box.querySelector("[data-field]")?.setAttribute("aria-required", String(needed));
  }

  /** The totals under a grid. */
  sums() {
    for (const [name, grid] of this.grids) {
      const entity = this.data.entity.lines[name];
      for (const place of grid.box.querySelectorAll("[data-sum]")) {
        const field = entity.fields.find((one) => one.name === place.dataset.sum);
        if (!field) continue;
        const values = grid.living().map((row) => {
          const input = this.input(row, field.name);
          return (input && read(input, field, this.data.zone)) ?? row.stored?.[field.name] ?? "0";
        });
        const text = grouped(sum(values.map(String), field.kind === "decimal" ? field.scale : 0));
        const label = place.querySelector(".label");
        place.textContent = text;
        if (label) place.prepend(label);
      }
    }
  }

  /** Checks the server foresees, beside their fields; nothing about fields nobody has touched yet. */
  say(checks) {
    for (const old of this.element.querySelectorAll("[data-foreseen]")) old.remove();
    for (const check of checks) {
      const place = this.place(check.pointer);
      if (!place || place.box.querySelector(".complaints") || (check.code ?? "").endsWith("required")) continue;
      const said = document.createElement("div");
      said.className = "complaints";
      said.dataset.foreseen = "";
      const line = document.createElement("p");
      line.className = check.level ?? "error";
      line.textContent = check.message ?? check.says ?? "";
      said.append(line);
      place.box.append(said);
    }
  }

  place(pointer) {
    const [first, index, column] = (pointer ?? "").split("/").slice(1);
    if (!first) return null;
    const grid = this.grids.get(first);
    if (!grid) {
      const box = this.element.querySelector(`[data-box="${first}"]`);
      return box ? { box } : null;
    }
    const row = grid.living().filter((one) => !grid.isEmpty(one))[Number(index)];
    const box = row?.querySelector(`[data-box="${column}"]`) ?? row?.querySelector("[data-box]");
    return box ? { box } : null;
  }

  note(text, action, act) {
    const note = document.createElement("div");
    note.className = "toast-note";
    note.textContent = text;
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action;
      button.addEventListener("click", () => {
        act();
        note.remove();
      });
      note.append(button);
    }
    document.getElementById("toasts").append(note);
    setTimeout(() => note.remove(), 8000);
  }

  /** Sends what was typed: empty lines go, what only follows is left for the server to give. */
  submit(event) {
    const reject = event.submitter?.hasAttribute("data-needs-reason");
    const opinion = this.element.querySelector("#opinion");
    if (reject && opinion && !opinion.value.trim()) {
      event.preventDefault();
      opinion.setAttribute("aria-invalid", "true");
      opinion.focus();
      return;
    }
    if (this.files.waits(event)) return;
    this.dirty = false;
    for (const grid of this.grids.values()) {
      grid.rows().forEach((row) => {
        if (grid.isEmpty(row)) row.remove();
      });
      grid.rows().forEach((row, at) => {
        for (const input of row.querySelectorAll("[name]")) {
          input.name = input.name.replace(/^([^.]+)\.\d+\./, `$1.${at}.`);
        }
      });
    }
    for (const input of this.element.querySelectorAll("[data-field]:not(output)")) {
      if (!this.isTyped(input) || this.isStored(input)) {
        input.disabled = true;
        const twin = input.previousElementSibling;
        if (twin?.matches("input[type=hidden]") && twin.name === input.name) twin.disabled = true;
      }
    }
    for (const grid of this.grids.values()) {
      const said = [...grid.box.querySelectorAll("[name]")].filter((one) => !one.disabled && !/\.id$/.test(one.name));
      if (!said.length) for (const id of grid.box.querySelectorAll("[name$='.id']")) id.disabled = true;
    }
  }
}

const element = document.querySelector("form[data-record]");
const data = document.getElementById("form-data");
if (element && data) window.recordForm = new Form(element, JSON.parse(data.textContent));

// Coming back by the browser's own button: what was left out of sending may be typed in again.
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const input of document.querySelectorAll("[data-field][disabled]")) input.disabled = false;
});
