// What changes elsewhere appears by itself: the rows of an open list, the tasks at home, an open record. Nobody who is
// typing or choosing is disturbed. Where there is no stream the page stays as it was loaded.

const SETTLE = 600; // several changes at once are one look
const BUSY = 1500; // until the next try when somebody is in the middle of something
const LONGEST = 60_000;

let place = ""; // of the last event heard, by this tab or by the one that listens

/** Calls `heard` with each change. One stream for all tabs of a browser where it lets tabs agree, else one for each. */
function listen(heard) {
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("dougong-events") : null;
  if (tabs) {
    tabs.onmessage = (said) => {
      place = said.data.place;
      heard(said.data);
    };
  }
  const told = (data) => {
    place = data.place;
    heard(data);
    tabs?.postMessage(data);
  };
  if (!navigator.locks || !tabs) return open(told);
  // Whoever holds the lock holds the stream; when his tab is closed the next one takes over.
  navigator.locks.request("dougong-events", () => new Promise(() => open(told))).catch(() => {});
}

function open(told) {
  let pause = 2000;
  let source = null;
  const begin = () => {
    source = new EventSource(`/api/v1/system/events${place ? `?after=${place}` : ""}`);
    source.addEventListener("change", (event) => {
      told({ ...JSON.parse(event.data), place: event.lastEventId });
    });
    source.addEventListener("reset", (event) => {
      told({ entity: "", id: "", rev: 0, kind: "reset", place: event.lastEventId });
    });
    source.addEventListener("open", () => {
      pause = 2000;
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      setTimeout(begin, pause * (0.5 + Math.random()));
      pause = Math.min(LONGEST, pause * 2);
    });
  };
  begin();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) begin();
  });
}

/** In the middle of something: an open menu, a marked text, a field of this part that is being filled in. */
function busy(part) {
  if (document.querySelector("details.menu[open]") || String(getSelection())) return true;
  const field = document.activeElement;
  return part !== null && part.contains(field) && field.matches("input, textarea, select, [contenteditable]");
}

async function page() {
  const answer = await fetch(location.href, { credentials: "same-origin", headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function rowsOf(list) {
  return list.querySelectorAll(":scope > .head h1, :scope > .table-frame, :scope > .empty, :scope > .pager");
}

/** All of a list but its search and filters, in which somebody may be typing. */
function takeList(list, fresh) {
  const now = fresh.querySelector("#list");
  if (!now) return;
  const title = list.querySelector(":scope > .head h1");
  for (const old of rowsOf(list)) if (old !== title) old.remove();
  for (const one of rowsOf(now)) {
    if (one.matches("h1")) title?.replaceWith(one);
    else list.append(one);
  }
}

function takeTasks(part, fresh) {
  const now = fresh.querySelector("[data-live-tasks]");
  if (now) part.replaceChildren(...now.childNodes);
}

/** A record nobody has typed into is shown anew; one that somebody has is left alone, and it is said. */
function recordChanged(form) {
  const field = document.activeElement;
  if (form.dataset.typed !== undefined || (form.contains(field) && field.matches("input, textarea, select"))) {
    document.querySelector("[data-live-changed]")?.removeAttribute("hidden");
    return;
  }
  const address = new URL(location.href);
  address.searchParams.delete("saved");
  history.replaceState(history.state, "", address);
  location.reload();
}

export function watchStream(changed) {
  const listed = () => document.querySelector("#list[data-live]"); // a search may have put another in its place
  const tasks = document.querySelector("[data-live-tasks]");
  const form = document.querySelector("form.record[data-live]");
  if ((!listed() && !tasks && !form) || !("EventSource" in window)) return;
  let timer = 0;
  const later = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
  };
  form?.addEventListener("input", () => {
    form.dataset.typed = "";
  });

  async function look() {
    if (document.hidden) return document.addEventListener("visibilitychange", () => later(0), { once: true });
    if (form) return busy(null) ? later(BUSY) : recordChanged(form);
    if (busy(tasks ?? listed()?.querySelector(".table-frame") ?? null)) return later(BUSY);
    const fresh = await page().catch(() => null);
    if (!fresh) return;
    if (tasks) takeTasks(tasks, fresh);
    else if (listed()) takeList(listed(), fresh);
    changed();
  }

  listen(({ entity, id, rev, kind }) => {
    const anew = kind === "reset";
    if (tasks) later(SETTLE);
    else if (listed()) {
      if (anew || entity === listed().dataset.live) later(SETTLE);
    }
    else if (form && (anew || (id === form.dataset.live && rev > Number(form.dataset.rev)))) later(SETTLE);
  });
}
