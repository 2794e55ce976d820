// Decimals as text, exact: what the API sends is what is added, scaled and shown. No floats.

const PLAIN = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/** [digits as BigInt, scale] of "12.30"; null when it is not a plain number. */
export function parse(text) {
  const found = PLAIN.exec(String(text).trim());
  if (!found || !(found[2] || found[3])) return null;
  const digits = BigInt((found[2] || "0") + (found[3] || ""));
  return [found[1] === "-" ? -digits : digits, (found[3] || "").length];
}

function rescale([digits, scale], wanted) {
  if (wanted >= scale) return digits * 10n ** BigInt(wanted - scale);
  const unit = 10n ** BigInt(scale - wanted);
  const size = digits < 0n ? -digits : digits;
  const rounded = (size * 2n + unit) / (unit * 2n); // half away from zero
  return digits < 0n ? -rounded : rounded;
}

function written(digits, scale) {
  const minus = digits < 0n;
  const text = String(minus ? -digits : digits).padStart(scale + 1, "0");
  const whole = scale ? text.slice(0, -scale) : text;
  return (minus ? "-" : "") + whole + (scale ? `.${text.slice(-scale)}` : "");
}

export function sum(texts, scale) {
  let total = 0n;
  for (const text of texts) {
    const number = parse(text);
    if (number) total += rescale(number, scale);
  }
  return written(total, scale);
}

/** value / 10^power at `scale` digits: 1234567.00 by 10^4 is 123.46. */
export function shift(text, power, scale) {
  const number = parse(text);
  return number ? written(rescale([number[0], number[1] + power], scale), scale) : text;
}

/** With separators and a true minus, as the server's field types write it. */
export function grouped(text) {
  const [whole, digits] = String(text).split(".");
  const minus = whole.startsWith("-");
  const parts = (minus ? whole.slice(1) : whole).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return (minus ? "−" : "") + parts + (digits === undefined ? "" : `.${digits}`);
}

export function fixed(text, scale) {
  const number = parse(text);
  return number ? written(rescale(number, scale), scale) : String(text);
}

/** Without zeros at the end, but with at least `least` digits. */
export function trimmed(text, least = 0) {
  const [whole, digits = ""] = String(text).split(".");
  const kept = digits.replace(/0+$/, "").padEnd(least, "0");
  return kept ? `${whole}.${kept}` : whole;
}
