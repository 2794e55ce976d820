// Files of a field: sent in as soon as they are chosen, shown at once, taken away again. What the server says of one
// stands at that file; the others, and everything else that was typed, stay.
import { sign } from "./sign.js";

export const isFiles = (input) => input.matches("fieldset[data-files]");

/** The ids a field holds, in order. */
export const ids = (box) => [...box.querySelectorAll("[data-kept]:checked")].map((one) => one.value).filter(Boolean);

const UNITS = [[1 << 30, "GB"], [1 << 20, "MB"], [1 << 10, "KB"]];
export function saidSize(size) {
  const [unit, name] = UNITS.find(([one]) => size >= one) ?? [1, "B"];
  return `${(size / unit).toFixed(unit > 1 ? 1 : 0).replace(/\.0$/, "")} ${name}`;
}

export class Attachments {
  constructor(form) {
    this.form = form;
    this.root = form.element;
    this.blank = this.root.querySelector("[data-file-blank]");
    this.busy = new Set();
    if (!this.blank) return;
    this.root.classList.add("live");
    this.root.addEventListener("change", (event) => this.changed(event.target));
    this.root.addEventListener("click", (event) => this.clicked(event.target));
    this.root.addEventListener("dragover", (event) => {
      if (event.target.closest("[data-files]")) event.preventDefault();
    });
    this.root.addEventListener("drop", (event) => {
      const box = event.target.closest("[data-files]");
      if (!box || !event.dataTransfer.files.length) return;
      event.preventDefault();
      this.send(box, [...event.dataTransfer.files]);
    });
  }

  changed(input) {
    if (!input.matches("[data-pick]")) return;
    const chosen = [...input.files];
    input.value = ""; // it is sent here and now; and the same file may be chosen again
    this.send(input.closest("[data-files]"), chosen);
  }

  clicked(target) {
    const box = target.closest("[data-files]");
    const item = target.closest("li.file");
    if (!box) return;
    if (target.closest("[data-take-away]")) this.takeAway(box, item);
    else if (target.closest("[data-retry]")) this.post(box, item, item.file);
    else if (target.closest("[data-sign]")) {
      sign(this.root.querySelector("dialog.sign"), (file) => this.send(box, [file]));
    }
  }

  takeAway(box, item) {
    const kept = item.querySelector("[data-kept]");
    const place = item.nextSibling;
    const was = kept.checked;
    item.request?.abort();
    this.busy.delete(item);
    kept.checked = false;
    item.remove();
    if (was) {
      this.form.note(this.form.texts.removed, this.form.texts.undo, () => {
        kept.checked = true;
        box.querySelector("[data-list]").insertBefore(item, place?.isConnected ? place : null);
        this.told(box);
      });
    }
    this.told(box);
    (box.querySelector("[data-take-away]") ?? box.querySelector("[data-pick], [data-sign]")).focus();
  }

  told(box) {
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  send(box, chosen) {
    const most = Number(box.dataset.most);
    for (const file of chosen) {
      if (!("many" in box.dataset)) for (const old of box.querySelectorAll("li.file")) old.remove();
      const item = this.item(box, file);
      const waits = [...box.querySelectorAll("li.file")].filter((one) => this.busy.has(one)).length;
      const limit = Number(box.dataset.size);
      if (ids(box).length + waits >= most) this.fail(item, this.form.texts.files.replace("{n}", String(most)));
      else if (limit && file.size > limit) this.fail(item, this.form.texts.large.replace("{size}", saidSize(limit)));
      else this.post(box, item, file);
    }
  }

  item(box, file) {
    const item = this.blank.content.querySelector("li").cloneNode(true);
    item.file = file;
    item.key = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    item.querySelector(".name").textContent = file.name;
    item.querySelector("small").textContent = saidSize(file.size);
    const away = item.querySelector("[data-take-away]");
    away.setAttribute("aria-label", `${away.getAttribute("aria-label").trim()} ${file.name}`);
    item.querySelector("[data-kept]").checked = false;
    if (/^image\/(jpeg|png|webp|gif)$/.test(file.type)) {
      const seen = document.createElement("img");
      seen.src = URL.createObjectURL(file);
      seen.alt = "";
      item.querySelector(".thumb").replaceChildren(seen);
    }
    box.querySelector("[data-list]").append(item);
    return item;
  }

  post(box, item, file) {
    const bar = item.querySelector("progress");
    const address = new URL("/api/v1/system/files", location.origin);
    address.searchParams.set("name", file.name);
    address.searchParams.set("field", box.dataset.for);
    const request = new XMLHttpRequest(); // fetch tells nothing of how much has gone
    item.request = request;
    item.classList.remove("failed");
    item.querySelector("[data-retry]").hidden = true;
    bar.hidden = false;
    this.busy.add(item);
    request.open("POST", address);
    request.responseType = "json";
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("accept-language", document.documentElement.lang);
    request.setRequestHeader("x-csrf-token", this.form.csrf);
    request.setRequestHeader("idempotency-key", item.key); // sent again after a broken line, it is kept once
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.addEventListener("loadend", () => {
      if (!this.busy.delete(item)) return; // taken away meanwhile
      bar.hidden = true;
      if (request.status === 201) this.keep(box, item, request.response);
      else this.fail(item, request.response?.errors?.[0]?.message ?? this.form.texts.unsent, request.status < 400 || request.status > 499);
      if (!this.busy.size) this.done?.();
    });
    request.send(file);
  }

  keep(box, item, made) {
    const kept = item.querySelector("[data-kept]");
    kept.name = box.querySelector("input[type=hidden]").name;
    kept.value = made.id;
    kept.checked = true;
    item.querySelector("small").textContent = saidSize(made.size);
    this.told(box);
  }

  fail(item, says, again = false) {
    item.classList.add("failed");
    item.querySelector("progress").hidden = true;
    const place = item.querySelector("small");
    place.textContent = says;
    place.setAttribute("role", "alert");
    item.querySelector("[data-retry]").hidden = !again;
  }

  /** Whether the form has to wait for what is on its way; then it sends itself when all has come. */
  waits(event) {
    if (!this.busy.size) return false;
    event.preventDefault();
    const submitter = event.submitter;
    this.done = () => {
      this.done = undefined;
      if (!this.root.querySelector("li.file.failed")) this.root.requestSubmit(submitter);
    };
    this.form.note(this.form.texts.sending);
    return true;
  }
}
