// Programs, run in the browser: the twin of evaluate.py, with the same names and the same results.
//
// A program is data, nested lists ["name", …]; nothing is compiled, so the strictest content policy holds. Inside,
// numbers are scaled BigInts, dates ISO text, datetimes Unix seconds (BigInt), NULL is null. Values come in and go out
// in the JSON form of the API: "12.30", 3, true, "2026-03-05", "2026-03", {"id": …}.

export class Missing extends Error {}

export function evaluate(program, row, values = {}, roots = {}) {
  return run(program, { rows: { ...roots, row }, values });
}

/** True only when TRUE: conditions, visibility. */
export const holds = (program, row, values, roots) => evaluate(program, row, values, roots) === true;

/** True only when FALSE: checks. */
export const fails = (program, row, values, roots) => evaluate(program, row, values, roots) === false;

function run(program, env) {
  const name = program[0];
  const special = SPECIAL.get(name);
  if (special) return special(program, env);
  const args = [];
  for (let i = 1; i < program.length; i++) {
    const part = program[i];
    const value = Array.isArray(part) ? run(part, env) : part;
    if (value === null) return null;
    args.push(value);
  }
  const operation = STRICT.get(name);
  if (!operation) throw new Missing(name);
  return operation(...args);
}

// exact numbers -------------------------------------------------------------------------------------------------------

const abs = (a) => (a < 0n ? -a : a);
const power = (n) => 10n ** BigInt(n);

function divideRound(a, b) {
  if (b === 0n) return null;
  const magnitude = (2n * abs(a) + abs(b)) / (2n * abs(b));
  return a < 0n === b < 0n ? magnitude : -magnitude;
}

function floorDivide(a, b) {
  const cut = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? cut - 1n : cut;
}

function numberText(a, scale) {
  if (scale <= 0) return String(a);
  const digits = String(abs(a)).padStart(scale + 1, "0");
  return `${a < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function parseNumber(value, scale) {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(String(value).trim());
  if (!found || !(found[2] || found[3])) throw new Missing(`not a number: ${value}`);
  const fraction = found[3] ?? "";
  const digits = BigInt(found[2] + fraction || "0") * (found[1] === "-" ? -1n : 1n);
  const shift = scale - fraction.length + Number(found[4] ?? 0);
  return shift >= 0 ? digits * power(shift) : divideRound(digits, power(-shift));
}

// text: by code point, case of ASCII only --------------------------------------------------------------------------------

const SURROGATE = /[\ud800-\udfff]/;

function compareText(a, b) {
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  const one = Array.from(a, (c) => c.codePointAt(0));
  const other = Array.from(b, (c) => c.codePointAt(0));
  for (let i = 0; i < one.length && i < other.length; i++) if (one[i] !== other[i]) return one[i] - other[i];
  return one.length - other.length;
}

const compare = (a, b) => (typeof a === "string" ? compareText(a, b) : a < b ? -1 : a > b ? 1 : 0);

function similarity(one, other) {
  if (one === other) return 1000000n;
  const pairs = (text) => {
    const letters = Array.from(text);
    return letters.slice(1).map((c, i) => letters[i] + c);
  };
  const [first, second] = [pairs(one), pairs(other)];
  if (!first.length || !second.length) return 0n;
  const left = new Map();
  for (const pair of second) left.set(pair, (left.get(pair) ?? 0) + 1);
  let shared = 0;
  for (const pair of first) {
    if ((left.get(pair) ?? 0) > 0) {
      left.set(pair, left.get(pair) - 1);
      shared += 1;
    }
  }
  const total = BigInt(first.length + second.length);
  return (4n * BigInt(shared) * 1000000n + total) / (2n * total);
}

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
const PLACES = ["", "拾", "佰", "仟"];
const GROUPS = ["", "万", "亿", "万亿", "亿亿"];

function rmbUpper(cents) {
  const size = abs(cents);
  if (size >= 10n ** 18n) return null;
  const yuan = size / 100n;
  const rest = Number(size % 100n);
  const [jiao, fen] = [Math.floor(rest / 10), rest % 10];
  let text = cents < 0n ? "负" : "";
  if (yuan || !rest) text += `${wholeUpper(yuan)}元`;
  if (!rest) return `${text}整`;
  if (jiao) text += `${DIGITS[jiao]}角`;
  else if (yuan) text += "零";
  return text + (fen ? `${DIGITS[fen]}分` : "整");
}

function wholeUpper(number) {
  if (number === 0n) return DIGITS[0];
  const groups = [];
  for (let left = number; left; left /= 10000n) groups.push(Number(left % 10000n));
  let text = "";
  let gap = false;
  for (let at = groups.length - 1; at >= 0; at--) {
    const group = groups[at];
    if (group === 0) {
      gap = text !== "";
      continue;
    }
    if (text && (gap || group < 1000)) text += DIGITS[0];
    text += fourUpper(group) + GROUPS[at];
    gap = false;
  }
  return text;
}

function fourUpper(group) {
  let text = "";
  let gap = false;
  for (let at = 3; at >= 0; at--) {
    const digit = Math.floor(group / 10 ** at) % 10;
    if (digit === 0) {
      gap = text !== "";
      continue;
    }
    text += (gap ? DIGITS[0] : "") + DIGITS[digit] + PLACES[at];
    gap = false;
  }
  return text;
}

// numbers that check themselves ------------------------------------------------------------------------------------------

const USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const USCC_WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

function isUscc(text) {
  if (!/^[0-9A-HJ-NPQRTUWXY]{18}$/.test(text)) return false;
  const total = USCC_WEIGHTS.reduce((sum, weight, i) => sum + weight * USCC.indexOf(text[i]), 0);
  return USCC.indexOf(text[17]) === (31 - (total % 31)) % 31;
}

function isIdCard(text) {
  if (!/^[1-9][0-9]{16}[0-9Xx]$/.test(text)) return false;
  const [year, month, day] = [Number(text.slice(6, 10)), Number(text.slice(10, 12)), Number(text.slice(12, 14))];
  if (month < 1 || month > 12 || day < 1 || day > monthLength(year, month) || year < 1800 || year > 2199) return false;
  const total = ID_WEIGHTS.reduce((sum, weight, i) => sum + weight * Number(text[i]), 0);
  return "10X98765432"[total % 11] === text[17].toUpperCase();
}

// the calendar ---------------------------------------------------------------------------------------------------------

const leap = (year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const monthLength = (year, month) => [31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
const parts = (day) => [Number(day.slice(0, 4)), Number(day.slice(5, 7)), Number(day.slice(8, 10))];
const iso = (year, month, day) =>
  `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
const LAST = 3652058; // 9999-12-31, counted from 0001-01-01

/** Days since 0001-01-01, a Monday. */
function dayNumber(day) {
  const [year, month, date] = parts(day);
  const before = year - 1;
  let days = before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + date - 1;
  for (let m = 1; m < month; m++) days += monthLength(year, m);
  return days;
}

function fromDayNumber(days) {
  let year = Math.floor(days / 365.2425) + 1;
  while (dayNumber(iso(year, 1, 1)) > days) year -= 1;
  while (year < 9999 && dayNumber(iso(year + 1, 1, 1)) <= days) year += 1;
  let rest = days - dayNumber(iso(year, 1, 1));
  let month = 1;
  while (rest >= monthLength(year, month)) rest -= monthLength(year, month++);
  return iso(year, month, rest + 1);
}

function addDays(day, count) {
  const days = BigInt(dayNumber(day)) + count;
  return days < 0n || days > BigInt(LAST) ? null : fromDayNumber(Number(days));
}

function addMonths(day, count) {
  const [year, month, date] = parts(day);
  const months = BigInt(year * 12 + month - 1) + count;
  const to = Number(floorDivide(months, 12n));
  if (to < 1 || to > 9999) return null;
  const at = Number(months - BigInt(to) * 12n) + 1;
  return iso(to, at, Math.min(date, monthLength(to, at)));
}

function monthsBetween(start, end) {
  const [one, other] = [parts(start), parts(end)];
  return BigInt((other[0] - one[0]) * 12 + other[1] - one[1]);
}

const weekdaysBefore = (days) => Math.floor(days / 7) * 5 + Math.min(days % 7, 5);

function workdays(start, end) {
  const [one, other] = [dayNumber(start), dayNumber(end)];
  if (one <= other) return BigInt(weekdaysBefore(other + 1) - weekdaysBefore(one));
  return BigInt(weekdaysBefore(other) - weekdaysBefore(one + 1));
}

function localDate(seconds, zone) {
  const format = new Intl.DateTimeFormat("en-CA-u-ca-gregory-nu-latn", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
  });
  const found = Object.fromEntries(format.formatToParts(new Date(Number(seconds) * 1000)).map((p) => [p.type, p.value]));
  return iso(Number(found.year), Number(found.month), Number(found.day));
}

function addMinutes(seconds, minutes) {
  const found = seconds + minutes * 60n;
  return found < -62135596800n || found > 253402300799n ? null : found;
}

function clock(text) {
  const [hours, minutes, seconds = "0"] = text.split(":");
  return BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

// values in and out ----------------------------------------------------------------------------------------------------

function take(value, kind, scale) {
  if (value === null || value === undefined || (value === "" && kind !== "text")) return null;
  switch (kind) {
    case "decimal":
      return parseNumber(value, scale);
    case "integer":
    case "duration":
      return parseNumber(value, 0);
    case "date":
    case "month":
      return value.length === 7 ? `${value}-01` : value;
    case "time":
      return value.length === 5 ? `${value}:00` : value;
    case "datetime": {
      const moment = Date.parse(value);
      if (Number.isNaN(moment)) throw new Missing(`not a datetime: ${value}`);
      return BigInt(Math.floor(moment / 1000));
    }
    case "uuid":
      return typeof value === "object" ? (value.id ?? null) : value;
    default:
      return value;
  }
}

function give(value, kind, scale) {
  if (value === null) return null;
  switch (kind) {
    case "decimal":
      return numberText(value, scale);
    case "integer":
    case "duration":
      return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value);
    case "month":
      return value.slice(0, 7);
    case "datetime":
      return new Date(Number(value) * 1000).toISOString().replace(".000Z", "Z");
    default:
      return value;
  }
}

// rows -----------------------------------------------------------------------------------------------------------------

const has = (row, name) => Object.prototype.hasOwnProperty.call(row, name);

function reach(env, root, names) {
  let row = env.rows[root] ?? (root === "this" ? env.rows.row : undefined);
  if (row === undefined || row === null) throw new Missing(root);
  for (const name of names) {
    if (!has(row, name)) throw new Missing(name);
    const value = row[name];
    if (value === null) return null;
    if (typeof value !== "object" || Array.isArray(value)) throw new Missing(name);
    row = value;
  }
  return row;
}

function get([, root, names, kind, scale], env) {
  const row = reach(env, root, names.slice(0, -1));
  if (row === null) return null;
  const last = names[names.length - 1];
  if (!has(row, last)) throw new Missing(names.join("."));
  return take(row[last], kind, scale);
}

function bound([, source, name, kind, scale], env) {
  if (!has(env.values, source)) throw new Missing(source);
  let value = env.values[source];
  if (name) {
    if (value === null || typeof value !== "object" || !has(value, name)) throw new Missing(`${source}.${name}`);
    value = value[name];
  }
  return take(value, kind, scale);
}

function live([, root, names, program], env) {
  const row = reach(env, root, names);
  return row === null ? null : run(program, { rows: { row }, values: env.values });
}

function aggregate([, func, root, names, collections, item, where, distinct, order], env) {
  const owner = reach(env, root, names);
  let rows = owner === null ? [] : [owner];
  for (const name of collections) {
    rows = rows.flatMap((row) => {
      if (!has(row, name)) throw new Missing(name);
      return row[name] ?? [];
    });
  }
  const holder = env.rows.this ?? env.rows.row;
  let envs = rows.map((row) => ({ rows: { ...env.rows, row, this: holder }, values: env.values }));
  if (where !== null) envs = envs.filter((inner) => run(where, inner) === true);
  if (func === "FIRST") {
    for (const [by, descending] of [...order].reverse()) envs = sorted(by, descending, envs);
    return envs.length ? run(item, envs[0]) : null;
  }
  if (item === null) return func === "EXISTS" ? envs.length > 0 : BigInt(envs.length);
  let found = envs.map((inner) => run(item, inner)).filter((value) => value !== null);
  if (distinct) found = [...new Set(found)];
  return TOTALS.get(func)(found);
}

function sorted(by, descending, envs) {
  const keyed = envs.map((inner) => [run(by, inner), inner]);
  const known = keyed.filter(([key]) => key !== null);
  known.sort(([a], [b]) => (descending ? compare(b, a) : compare(a, b)));
  return [...known, ...keyed.filter(([key]) => key === null)].map(([, inner]) => inner);
}

const extreme = (sign) => (values) =>
  values.length ? values.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best)) : null;

const TOTALS = new Map([
  ["SUM", (values) => values.reduce((sum, value) => sum + value, 0n)],
  ["COUNT", (values) => BigInt(values.length)],
  ["EXISTS", (values) => values.length > 0],
  ["MIN", extreme(-1)],
  ["MAX", extreme(1)],
]);

// operations -----------------------------------------------------------------------------------------------------------

function both(stop) {
  return (program, env) => {
    let found = !stop;
    for (let i = 1; i < program.length; i++) {
      const value = run(program[i], env);
      if (value === stop) return stop;
      if (value === null) found = null;
    }
    return found;
  };
}

function cases(program, env) {
  const last = program.length - 1;
  for (let i = 1; i < last; i += 2) if (run(program[i], env) === true) return run(program[i + 1], env);
  return run(program[last], env);
}

function coalesce(program, env) {
  for (let i = 1; i < program.length; i++) {
    const value = run(program[i], env);
    if (value !== null) return value;
  }
  return null;
}

const howMany = (value) => BigInt(value === null ? 0 : Array.isArray(value) ? value.length : 1);

function nullif(program, env) {
  const value = run(program[1], env);
  return value !== null && value === run(program[2], env) ? null : value;
}

function isIn(program, env) {
  const value = run(program[1], env);
  if (value === null) return null;
  const items = program.slice(2).map((part) => run(part, env));
  if (items.includes(value)) return true;
  return items.includes(null) ? null : false;
}

function among(program, env) {
  if (program.length > 3 && run(program[3], env) === true) return true;
  const value = run(program[1], env);
  const items = run(program[2], env);
  if (!items || !items.length) return false;
  return value === null ? null : items.includes(value);
}

function between(program, env) {
  const [value, low, high] = program.slice(1).map((part) => run(part, env));
  const above = value === null || low === null ? null : compare(value, low) >= 0;
  const below = value === null || high === null ? null : compare(value, high) <= 0;
  if (above === false || below === false) return false;
  return above === null || below === null ? null : true;
}

const known = (program, env) => program.slice(1).map((part) => run(part, env)).filter((value) => value !== null);

const SPECIAL = new Map([
  ["out", ([, kind, scale, program], env) => give(run(program, env), kind, scale)],
  ["lit", ([, value]) => value],
  ["int", ([, value]) => BigInt(value)],
  ["get", get],
  ["value", bound],
  ["live", live],
  ["agg", aggregate],
  ["and", both(false)],
  ["or", both(true)],
  ["case", cases],
  ["coalesce", coalesce],
  ["nullif", nullif],
  ["in", isIn],
  ["among", among],
  ["between", between],
  ["greatest", (program, env) => extreme(1)(known(program, env))],
  ["least", (program, env) => extreme(-1)(known(program, env))],
  ["is_null", ([, part], env) => run(part, env) === null],
  ["how_many", ([, part], env) => howMany(run(part, env))],
  ["not_null", ([, part], env) => run(part, env) !== null],
  ["concat", (program, env) => program.slice(1).map((part) => run(part, env) ?? "").join("")],
]);

const LONGEST = 1_000_000; // characters of a text that REPLACE makes longer

function replaced(text, part, other) {
  if (part === "") return text;
  const pieces = text.split(part);
  const more = other.length - part.length;
  return more > 0 && text.length + (pieces.length - 1) * more > LONGEST ? null : pieces.join(other);
}

const STRICT = new Map([
  ["add", (a, b) => a + b],
  ["sub", (a, b) => a - b],
  ["mul", (a, b) => a * b],
  ["div", (a, b, by) => divideRound(a * power(by), b)],
  ["mod", (a, b) => (b === 0n ? null : a % b)],
  ["neg", (a) => -a],
  ["abs", abs],
  ["sign", (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n)],
  ["up", (a, by) => a * power(by)],
  ["down", (a, by) => divideRound(a, power(by))],
  ["trunc", (a, by) => a / power(by)],
  ["floor", (a, by) => floorDivide(a, power(by))],
  ["ceil", (a, by) => -floorDivide(-a, power(by))],
  ["as", (a) => a],
  ["eq", (a, b) => a === b],
  ["ne", (a, b) => a !== b],
  ["lt", (a, b) => compare(a, b) < 0],
  ["le", (a, b) => compare(a, b) <= 0],
  ["gt", (a, b) => compare(a, b) > 0],
  ["ge", (a, b) => compare(a, b) >= 0],
  ["not", (a) => !a],
  ["join", (a, b) => a + b],
  ["upper", (a) => a.replace(/[a-z]+/g, (s) => s.toUpperCase())],
  ["lower", (a) => a.replace(/[A-Z]+/g, (s) => s.toLowerCase())],
  ["trim", (a) => a.replace(/^ +/, "").replace(/ +$/, "")],
  ["length", (a) => BigInt(Array.from(a).length)],
  ["substr", (a, from, count) => Array.from(a).slice(Number(from) - 1, Number(from - 1n + count)).join("")],
  ["replace", replaced],
  ["contains", (a, b) => a.includes(b)],
  ["starts_with", (a, b) => a.startsWith(b)],
  ["ends_with", (a, b) => a.endsWith(b)],
  ["has", (a, b) => a.includes(b)],
  ["number_text", numberText],
  ["date_text", (a) => a],
  ["month_text", (a) => a.slice(0, 7)],
  ["rmb_upper", rmbUpper],
  ["similarity", similarity],
  ["is_uscc", isUscc],
  ["is_id_card", isIdCard],
  ["add_days", addDays],
  ["days_between", (a, b) => BigInt(dayNumber(b) - dayNumber(a))],
  ["add_months", addMonths],
  ["months_between", monthsBetween],
  ["add_minutes", addMinutes],
  ["datetime_seconds", (a, b) => b - a],
  ["time_seconds", (a, b) => clock(b) - clock(a)],
  ["local_date", localDate],
  ["to_month", (a) => `${a.slice(0, 8)}01`],
  ["year", (a) => BigInt(parts(a)[0])],
  ["quarter", (a) => BigInt(Math.floor((parts(a)[1] + 2) / 3))],
  ["month", (a) => BigInt(parts(a)[1])],
  ["day", (a) => BigInt(parts(a)[2])],
  ["weekday", (a) => BigInt((dayNumber(a) % 7) + 1)],
  ["last_day", (a) => iso(parts(a)[0], parts(a)[1], monthLength(parts(a)[0], parts(a)[1]))],
  ["workdays", workdays],
]);

/** The names of all operations: a test compares them with the table of operators. */
export const OPERATIONS = [...SPECIAL.keys(), ...STRICT.keys()];
