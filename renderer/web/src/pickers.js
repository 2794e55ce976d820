// Choosing a record: a select becomes a picker that asks the API when it is first used.
import TomSelect from "tom-select/base";

/** Given by the form: what `this.` is in a picker's condition, for the line the select stands in. */
let resolve = () => undefined;
export const resolveWith = (found) => {
  resolve = found;
};

const plain = (value) => (value !== null && typeof value === "object" ? value.id : value);

/** A picker's condition as the list's parameters: `a = this.b` becomes the filter `a=<b's value>`, what does not look
 *  at the record stays an expression. What depends on a value that is not there yet narrows nothing. */
function condition(select) {
  const whole = select.dataset.where ?? "";
  if (/\bOR\b/.test(whole)) return /\bthis\./.test(whole) ? [] : [["where", whole]];
  const filters = [];
  const rest = [];
  for (const term of whole.split(/\s+AND\s+/)) {
    const found = /^([\w.]+) = this\.([\w.]+)$/.exec(term.trim());
    const value = found ? plain(resolve(select, found[2])) : undefined;
    if (value !== undefined && value !== null && value !== "") filters.push([found[1], String(value)]);
    else if (!found && term.trim() && !/\bthis\./.test(term)) rest.push(term.trim());
  }
  return rest.length ? [...filters, ["where", rest.join(" AND ")]] : filters;
}

export async function find(select, query, limit = 20) {
  const address = new URL(select.dataset.picker, location.origin);
  if (query) address.searchParams.set("q", query);
  for (const [name, value] of condition(select)) address.searchParams.set(name, value);
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
    refreshThrottle: 0, // a delayed refresh would open the list again after a choice, and take the focus
    dropdownParent: select.closest(".table-frame") ? "body" : null,
    closeAfterSelect: !select.multiple,
    shouldLoad: () => true,
    load(query, done) {
      const late = () => this.settled || !this.isFocused;
      const nothing = () => {
        this.loading = Math.max(this.loading - 1, 0); // as done() would, but done() opens the list and takes the focus
        if (!this.loading) this.wrapper.classList.remove(this.settings.loadingClass);
      };
      find(select, query).then(
        (items) => {
          if (late()) return nothing();
          this.clearOptions((option) => this.items.includes(option.id));
          return done(items);
        },
        nothing,
      );
    },
    onType() {
      this.settled = false;
    },
    onFocus() {
      this.settled = false;
      this.clearOptions((option) => this.items.includes(option.id));
      this.load("");
    },
    onItemAdd() {
      if (select.multiple) return;
      this.settled = true; // an answer that comes later changes nothing
      setTimeout(() => this.close());
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
  if (select.multiple) {
    const items = value ?? [];
    if (!select.tomselect) upgrade(select);
    for (const item of items) select.tomselect.addOption({ id: item.id, display: item.display });
    select.tomselect.setValue(items.map((item) => item.id), true);
    return;
  }
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
  // A set shows what it holds from the start: the browser's own box of many tells nothing when it is empty.
  document.querySelectorAll("select[data-picker][multiple]:not(:disabled)").forEach(upgrade);
  document.addEventListener("mousedown", open);
  document.addEventListener("focusin", open);
}
