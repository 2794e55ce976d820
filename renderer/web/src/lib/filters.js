// Filters apply by themselves: a choice of one at once, of several when the chip closes, a search while typing.

export function watchFilters() {
  for (const form of document.querySelectorAll("form[data-filters]:not([data-watched])")) {
    form.dataset.watched = "";
    form.addEventListener("formdata", tidy);
    let waiting = 0;
    form.addEventListener("input", (event) => {
      if (event.target.type !== "search") return;
      clearTimeout(waiting);
      waiting = setTimeout(() => form.requestSubmit(), 300);
    });
    form.addEventListener("change", (event) => {
      const input = event.target;
      if (input.type === "search") return;
      const chip = input.closest("[data-chip]");
      if (input.matches("[data-many], [data-more], [type=date], [type=number]")) chip.dataset.changed = "";
      else form.requestSubmit();
    });
    form.addEventListener("toggle", (event) => {
      const chip = event.target.closest("[data-chip]");
      if (chip && !chip.open && "changed" in chip.dataset) {
        delete chip.dataset.changed;
        form.requestSubmit();
      }
      if (chip?.open) chip.querySelector("select, input")?.focus();
    }, true);
  }
  if (document.querySelector("[data-picker]")) import("../pickers.js").then((pickers) => pickers.watchPickers());
}

/** An address says only what was chosen; several of one filter are `name[in]=a,b`. */
function tidy(event) {
  const data = event.formData;
  for (const name of new Set(data.keys())) {
    const values = data.getAll(name).filter((value) => value !== "");
    data.delete(name);
    if (values.length > 1) data.set(`${name}[in]`, values.join(","));
    else if (values.length === 1) data.set(name, values[0]);
  }
}
