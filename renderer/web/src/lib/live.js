// What the form anticipates: programs are run here at once, then the server is asked what it would make of the
// document, which settles what programs cannot reach. Nothing here decides: the server judges again when it is saved.
import { evaluate } from "./programs.js";
import { read, write } from "./fields.js";

export class Live {
  constructor(form, data) {
    this.form = form;
    this.data = data;
    this.asked = 0;
    this.going = new AbortController();
    // What is sent in is judged there: a preview that comes after it would be refused.
    document.addEventListener("submit", () => {
      clearTimeout(this.waiting);
      this.going.abort();
      this.going = new AbortController();
    }, true);
    this.waiting = 0;
  }

  /** The record as it stands in the form: stored values, then what inputs hold, lines nested. */
  record(entity = this.data.entity, root = this.form.element, stored = this.data.values) {
    const out = { ...stored };
    const zone = this.data.zone;
    for (const field of entity.fields) {
      if (field.kind === "lines") {
        const lines = this.form.grids.get(field.name);
        if (lines) {
          out[field.name] = lines.living().filter((row) => !lines.isEmpty(row)).map((row) => this.line(field.name, row));
        }
        continue;
      }
      const input = this.form.input(root, field.name);
      const value = input ? read(input, field, zone) : undefined;
      if (value !== undefined) out[field.name] = value;
    }
    return out;
  }

  line(name, row) {
    const entity = this.data.entity.lines[name];
    const out = { ...(row.stored ?? {}) };
    for (const field of entity.fields) {
      const input = this.form.input(row, field.name);
      const value = input ? read(input, field, this.data.zone) : undefined;
      if (value !== undefined) out[field.name] = value;
    }
    return out;
  }

  run(program, record) {
    if (program === undefined || program === null) return undefined;
    try {
      return evaluate(program, record, this.data.bound);
    } catch {
      return undefined; // out of the browser's reach: the server knows
    }
  }

  /** Runs programs, marks what is needed and seen, then asks the server soon. */
  anticipate() {
    this.rules(this.data.entity, this.form.element, this.record());
    for (const [name, entity] of Object.entries(this.data.entity.lines)) {
      const lines = this.form.grids.get(name);
      for (const row of lines?.living() ?? []) {
        if (!lines.isEmpty(row)) this.computed(entity, row, { ...this.line(name, row), [entity.owner]: this.record() });
      }
    }
    this.computed(this.data.entity, this.form.element, this.record());
    this.form.sums();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), 300);
  }

  rules(entity, root, record) {
    for (const field of entity.fields) {
      const box = root.querySelector(`[data-box="${field.name}"]`);
      if (!box) continue;
      if (field.visible !== undefined) {
        const seen = this.run(field.visible, record);
        if (seen !== undefined) box.hidden = seen !== true;
      }
      if (field.required_when !== undefined) {
        const needed = this.run(field.required_when, record);
        if (needed !== undefined) this.form.markNeeded(box, needed === true);
      }
    }
    for (const part of root.querySelectorAll("[data-section]")) {
      part.hidden = ![...part.querySelectorAll("[data-box], [data-grid]")].some((box) => !box.hidden);
    }
  }

  computed(entity, root, record) {
    const zone = this.data.zone;
    for (const field of entity.fields) {
      const input = this.form.input(root, field.name);
      const program = field.compute ?? (this.follows(field, input) ? field.default : undefined);
      if (!input || program === undefined) continue;
      const value = this.run(program, record);
      if (value === undefined) continue;
      record[field.name] = value;
      if (typeof value !== "object" && field.kind === "uuid" && value) continue; // its name is not known here
      write(input, value, field, zone);
    }
  }

  follows(field, input) {
    return Boolean(input) && !input.matches("output") && field.default !== undefined && !this.form.isTyped(input);
  }

  /** The document as a body: what people typed and what is stored; the rest is the server's to give. */
  body(entity, root, lines) {
    const out = {};
    for (const field of entity.fields) {
      if (field.origin !== "input" && field.origin !== "lines") continue;
      if (field.kind === "lines") {
        const grid = lines?.get(field.name);
        if (!grid) continue;
        out[field.name] = grid.living().filter((row) => !grid.isEmpty(row)).map((row) => {
          const made = this.body(this.data.entity.lines[field.name], row);
          const id = row.querySelector("input[type=hidden][name$='.id']")?.value;
          return id ? { id, ...made } : made;
        });
        continue;
      }
      const input = this.form.input(root, field.name);
      if (!input || input.matches("output") || !this.form.isTyped(input) || this.form.isStored(input)) continue;
      out[field.name] = read(input, field, this.data.zone);
    }
    return out;
  }

  async ask() {
    const turn = ++this.asked;
    const body = this.body(this.data.entity, this.form.element, this.form.grids);
    if (this.data.id) Object.assign(body, { id: this.data.id });
    let answer;
    try {
      const got = await fetch(`${this.data.api}/check`, {
        method: "POST",
        credentials: "same-origin",
        signal: this.going.signal,
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          "x-csrf-token": this.form.csrf,
          ...(this.data.id ? { "if-match": `"${this.data.rev}"` } : {}),
        },
        body: JSON.stringify(body),
      });
      if (!got.ok) return;
      answer = await got.json();
    } catch {
      return; // offline, say: the programs' answers stand
    }
    if (turn !== this.asked) return; // something was typed meanwhile
    this.settle(answer);
  }

  settle(answer) {
    const zone = this.data.zone;
    const fill = (entity, root, record) => {
      for (const field of entity.fields) {
        if (!(field.name in record) || field.kind === "lines") continue;
        const input = this.form.input(root, field.name);
        if (!input || (!input.matches("output") && this.form.isTyped(input))) continue;
        if (document.activeElement === input) continue;
        write(input, record[field.name], field, zone);
      }
    };
    fill(this.data.entity, this.form.element, answer.record ?? {});
    for (const [name, entity] of Object.entries(this.data.entity.lines)) {
      const grid = this.form.grids.get(name);
      const rows = grid?.living().filter((row) => !grid.isEmpty(row)) ?? [];
      const lines = answer.record?.[name] ?? [];
      if (rows.length === lines.length) rows.forEach((row, at) => fill(entity, row, lines[at]));
    }
    this.form.sums();
    this.form.say(answer.checks ?? []);
    this.rules(this.data.entity, this.form.element, this.record());
  }
}
