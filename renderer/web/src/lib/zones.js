// Between the tenant's wall clock, which inputs show, and UTC, which the API speaks.

/** Minutes that `zone` is ahead of UTC at a moment. */
function ahead(moment, zone) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(moment);
  const at = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
  const wall = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return Math.round((wall - moment.getTime()) / 60000);
}

export function toUtc(local, zone) {
  const wall = new Date(`${local.length === 16 ? `${local}:00` : local}Z`);
  if (Number.isNaN(wall.getTime())) return null;
  const guess = new Date(wall.getTime() - ahead(wall, zone) * 60000);
  const exact = new Date(wall.getTime() - ahead(guess, zone) * 60000);
  return exact.toISOString().replace(".000Z", "Z");
}

export function toLocal(utc, zone) {
  const moment = new Date(utc);
  if (Number.isNaN(moment.getTime())) return "";
  return new Date(moment.getTime() + ahead(moment, zone) * 60000).toISOString().slice(0, 16);
}
