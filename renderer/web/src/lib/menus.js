// The side menu on a phone, and things that open under their summary: one at a time, closed by Escape or a click
// elsewhere. Without this file they are plain links and <details>.

export function watchMenus() {
  const page = document.documentElement;
  const close = () => page.classList.remove("menu-open");
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-menu]");
    if (opener) {
      event.preventDefault();
      page.classList.add("menu-open");
      document.querySelector("#side a")?.focus();
    } else if (event.target.closest?.("[data-menu-close]")) close();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
