// Choosing a record: a select becomes a picker that asks the API when it is first used.
import TomSelect from "tom-select/base";

/** Given by the form: what `this.` is in a picker's condition, for the line the select stands in. */
let resolve = () => undefined;
export const resolveWith = (found) => {
  resolve = found;
};

const literal = (value) => {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "object") return literal(value.id);
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  return typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
};

/** The condition with the form's values in place; without it when one of them is not there yet. */
function condition(select) {
  const text = select.dataset.where;
  if (!text) return "";
  let whole = true;
  const filled = text.replace(/\bthis\.([a-z_][a-z0-9_.]*)/gi, (_, path) => {
    const said = literal(resolve(select, path));
    if (said === null) whole = false;
    return said ?? "";
  });
  return whole ? filled : "";
}

export async function find(select, query, limit = 20) {
  const address = new URL(select.dataset.picker, location.origin);
  if (query) address.searchParams.set("q", query);
  const where = condition(select);
  if (where) address.searchParams.set("where", where);
  address.searchParams.set("limit", String(limit));
  address.searchParams.set("fields", "id");
  const answer = await fetch(address, { headers: { accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`picker: ${answer.status}`);
  return (await answer.json()).items;
}

export function upgrade(select) {
  if (select.tomselect) return select.tomselect;
  const label = select.getAttribute("aria-label");
  const none = document.getElementById("form-data") ? JSON.parse(document.getElementById("form-data").textContent).texts.none : "–";
  const picker = new TomSelect(select, {
    valueField: "id",
    labelField: "display",
    searchField: [],
    maxOptions: 50,
    allowEmptyOption: false,
    loadThrottle: 200,
    dropdownParent: select.closest(".table-frame") ? "body" : null,
    closeAfterSelect: !select.multiple,
    shouldLoad: () => true,
    load(query, done) {
      find(select, query).then(
        (items) => {
          this.clearOptions((option) => this.items.includes(option.id));
          done(items);
        },
        () => done(),
      );
    },
    onFocus() {
      this.clearOptions((option) => this.items.includes(option.id));
      this.load("");
    },
    onItemAdd() {
      if (!select.multiple) this.blur();
    },
    render: {
      option: (item, escape) => `<div>${escape(item.display)}</div>`,
      item: (item, escape) => `<div>${escape(item.display)}</div>`,
      no_results: () => `<div class="no-results">${none}</div>`,
      loading: () => '<div class="skeleton"></div>',
    },
  });
  if (label) picker.control_input.setAttribute("aria-label", label);
  for (const name of ["aria-invalid", "aria-describedby", "aria-required"]) {
    if (select.hasAttribute(name)) picker.control_input.setAttribute(name, select.getAttribute(name));
  }
  // One choice: Backspace on an empty search takes it away.
  if (!select.multiple) {
    picker.control_input.addEventListener("keydown", (event) => {
      if ((event.key === "Backspace" || event.key === "Delete") && !picker.control_input.value) picker.clear();
    });
  }
  return picker;
}

/** Puts a record into a picker by program: no event, nothing counts as typed. */
export function put(select, value) {
  const id = value?.id ?? "";
  if (select.tomselect) {
    if (id) select.tomselect.addOption({ id, display: value.display });
    select.tomselect.setValue(id, true);
    return;
  }
  if (id && ![...select.options].some((option) => option.value === id)) {
    select.add(new Option(value.display, id));
  }
  select.value = id;
}

let watching = false;
export function watchPickers() {
  if (watching) return;
  watching = true;
  const open = (event) => {
    const select = event.target.closest?.("select[data-picker]");
    if (!select || select.tomselect || select.disabled) return;
    event.preventDefault(); // the browser's own list would open over ours
    upgrade(select).focus();
  };
  document.addEventListener("mousedown", open);
  document.addEventListener("focusin", open);
}
