// A signature: drawn with a finger, a pen or a mouse, or a name that is typed and written out.
const INK = "#14181f";

/** The part of the canvas that is written on, with a margin. */
function written(canvas, margin) {
  const { width, height } = canvas;
  const points = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!points[(y * width + x) * 4 + 3]) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
  }
  const out = document.createElement("canvas");
  out.width = Math.max(right - left, 1) + 2 * margin;
  out.height = Math.max(bottom - top, 1) + 2 * margin;
  out.getContext("2d").drawImage(canvas, margin - left, margin - top);
  return out;
}

export function sign(dialog, done) {
  const canvas = dialog.querySelector("canvas");
  const typed = dialog.querySelector("input");
  const ready = dialog.querySelector("[data-done]");
  dialog.showModal();
  const scale = Math.max(devicePixelRatio || 1, 2);
  const box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * scale);
  canvas.height = Math.round(box.height * scale);
  const pen = canvas.getContext("2d");
  let at = null;

  const clear = () => {
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, box.width, box.height);
    Object.assign(pen, { lineWidth: 2.6, lineCap: "round", lineJoin: "round", strokeStyle: INK, fillStyle: INK });
    ready.disabled = true;
  };
  const point = (event) => {
    const place = canvas.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  };
  const line = (to) => {
    pen.beginPath();
    pen.moveTo(...at);
    pen.lineTo(...to);
    pen.stroke();
    at = to;
    ready.disabled = false;
  };
  const write = () => {
    clear();
    const name = typed.value.trim();
    if (!name) return;
    let size = box.height * 0.5;
    const font = () => `${size}px "KaiTi", "STKaiti", "Kaiti SC", "Segoe Script", cursive`;
    pen.font = font();
    const width = pen.measureText(name).width;
    if (width > box.width * 0.9) {
      size *= (box.width * 0.9) / width;
      pen.font = font();
    }
    Object.assign(pen, { textAlign: "center", textBaseline: "middle" });
    pen.fillText(name, box.width / 2, box.height / 2);
    ready.disabled = false;
  };

  canvas.onpointerdown = (event) => {
    if (typed.value) {
      typed.value = "";
      clear();
    }
    canvas.setPointerCapture(event.pointerId);
    at = point(event);
    line([at[0] + 0.1, at[1]]);
  };
  canvas.onpointermove = (event) => {
    if (at) for (const one of event.getCoalescedEvents?.() ?? [event]) line(point(one));
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    at = null;
  };
  typed.value = "";
  typed.oninput = write;
  typed.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter in the name is "done", not the form's
    if (!ready.disabled) ready.click();
  };
  dialog.querySelector("[data-clear]").onclick = () => {
    typed.value = "";
    clear();
  };
  dialog.querySelector("[data-cancel]").onclick = () => dialog.close();
  ready.onclick = () => {
    written(canvas, scale * 8).toBlob((blob) => done(new File([blob], "signature.png", { type: "image/png" })), "image/png");
    dialog.close();
  };
  clear();
}
