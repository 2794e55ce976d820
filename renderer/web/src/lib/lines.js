// The line grid: the same inputs as any form, in rows. Lines come and go, keys move between cells, rows copied from a
// spreadsheet are pasted into as many lines as they need.
import { filled } from "./fields.js";
import { isFiles } from "./files.js";
import { find } from "../pickers.js";
import { put } from "../pickers.js";

export class Lines {
  constructor(box, form) {
    this.box = box;
    this.form = form;
    this.name = box.dataset.grid;
    this.body = box.querySelector("[data-lines]");
    this.blank = box.querySelector("template[data-blank]");
    this.next = this.rows().length;
    for (const tool of box.querySelectorAll("[data-add], [data-paste-hint]")) tool.hidden = false;
    box.querySelector("[data-add]")?.addEventListener("click", () => this.focus(this.add()));
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-drop]");
      if (button) this.drop(button.closest("[data-line]"));
    });
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("paste", (event) => this.paste(event));
  }

  rows() {
    return [...this.body.querySelectorAll("[data-line]")];
  }

  living() {
    return this.rows().filter((row) => !row.classList.contains("gone"));
  }

  inputs(row) {
    return [...row.querySelectorAll("[data-field]")];
  }

  isEmpty(row) {
    if (row.hasAttribute("data-stored")) return false;
    return this.inputs(row).every(
      (input) => input.matches("output") || !("typed" in input.dataset) || !filled(input),
    );
  }

  add() {
    const made = this.blank.content.querySelector("tr").cloneNode(true);
    const index = String(this.next++);
    for (const element of made.querySelectorAll("[name], [id], [for]")) {
      for (const name of ["name", "id", "for", "aria-describedby"]) {
        if (element.hasAttribute(name)) element.setAttribute(name, element.getAttribute(name).replace("__n__", index));
      }
    }
    this.body.append(made);
    this.count();
    this.form.changed(made);
    return made;
  }

  drop(row) {
    if (row.hasAttribute("data-stored")) {
      const gone = row.classList.toggle("gone");
      let mark = row.querySelector("[data-delete]");
      if (!mark) {
        mark = document.createElement("input");
        mark.type = "hidden";
        mark.dataset.delete = "";
        mark.name = row.querySelector("input[type=hidden][name$='.id']").name.replace(/\.id$/, ".$delete");
        mark.value = "1";
        row.querySelector(".no").append(mark);
      }
      mark.disabled = !gone;
    } else {
      const after = row.nextElementSibling;
      if (after?.matches("[data-line-said]")) after.remove();
      row.remove();
      this.offerBack(row);
      if (!this.rows().length && this.blank) this.add();
    }
    this.count();
    this.form.changed(row);
  }

  offerBack(row) {
    if (this.isEmpty(row)) return;
    this.form.note(this.form.texts.removed, this.form.texts.undo, () => {
      this.body.append(row);
      this.count();
      this.form.changed(row);
    });
  }

  count() {
    this.living().forEach((row, at) => {
      row.querySelector("[data-number]").textContent = String(at + 1);
    });
  }

  focus(row) {
    row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }

  key(event) {
    const cell = event.target.closest("td");
    const row = event.target.closest("[data-line]");
    if (!cell || !row || event.target.closest("[data-files], .ts-wrapper, .ts-dropdown")) return;
    const down = event.key === "ArrowDown" || event.key === "Enter";
    if (!down && event.key !== "ArrowUp") return;
    if (event.target.matches("select, [type=date], [type=datetime-local], [type=month], [type=time]") && event.key !== "Enter") return;
    if (event.target.matches("button")) return;
    event.preventDefault();
    const rows = this.living();
    const at = rows.indexOf(row) + (down ? 1 : -1);
    const target = rows[at] ?? (event.key === "Enter" && this.blank ? this.add() : null);
    target?.children[cell.cellIndex]?.querySelector("input:not([type=hidden]), select")?.focus();
  }

  async paste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const cell = event.target.closest("td");
    if (!cell || !/[\t\n]/.test(text.trimEnd())) return;
    event.preventDefault();
    const table = text.replace(/\r/g, "").replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
    const rows = this.living();
    let at = rows.indexOf(cell.closest("[data-line]"));
    const first = this.editable(cell.closest("[data-line]")).findIndex((input) => cell.contains(input));
    const missing = [];
    const asked = new Map();
    for (const values of table) {
      const row = this.living()[at] ?? this.add();
      at += 1;
      const inputs = this.editable(row);
      for (const [shift, value] of values.entries()) {
        const input = inputs[first + shift];
        if (input) missing.push(...(await this.put(input, value.trim(), asked)));
      }
    }
    this.form.changed(this.box);
    const said = this.form.texts.pasted.replace("{n}", String(table.length));
    const lost = [...new Set(missing)];
    this.form.note(lost.length ? `${said} · ${this.form.texts.unknown.replace("{what}", lost.join("、"))}` : said);
  }

  editable(row) {
    return this.inputs(row).filter((input) => !input.matches("output"));
  }

  /** Puts a text of a spreadsheet into an input; gives back what it could not place. */
  async put(input, text, asked) {
    if (isFiles(input)) return text ? [text] : [];
    input.dataset.typed = "";
    if (input.matches("[data-picker]")) {
      if (!text) {
        put(input, null);
        return [];
      }
      if (!asked.has(text)) asked.set(text, await find(input, text, 5).catch(() => []));
      const items = asked.get(text);
      const found = items.find((item) => item.display === text) ?? (items.length === 1 ? items[0] : null);
      put(input, found);
      return found ? [] : [text];
    }
    if (input.matches("select")) {
      const option = [...input.options].find((one) => one.text === text || one.value === text);
      input.value = option?.value ?? "";
      return option || !text ? [] : [text];
    }
    if (input.type === "checkbox") input.checked = /^(1|true|yes|是|√|✓|x)$/i.test(text);
    else if (input.type === "date") input.value = day(text);
    else if (input.type === "datetime-local") input.value = moment(text, this.form.day());
    else input.value = input.classList.contains("n") ? text.replace(/[,，¥￥\s]/g, "") : text;
    return [];
  }
}

const two = (text) => text.padStart(2, "0");

function day(text) {
  const found = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})/.exec(text);
  return found ? `${found[1]}-${two(found[2])}-${two(found[3])}` : "";
}

/** "2026/3/5 7:30", or "7:30" on the day the form is about. */
function moment(text, today) {
  const time = /(\d{1,2}):(\d{2})/.exec(text);
  const date = day(text) || today;
  return time && date ? `${date}T${two(time[1])}:${time[2]}` : "";
}
