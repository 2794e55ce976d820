// What every page loads. htmx swaps parts of pages; the islands load their own code when they are on the page.
import htmx from "htmx.org/dist/htmx.esm.js";

window.htmx = htmx;
