// Times are sent in UTC; here they are shown in the reader's zone and the course's locale.
const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

function locale() {
  const wanted = (document.documentElement.dataset.locale || "").replace("_", "-");
  try {
    return wanted ? Intl.getCanonicalLocales(wanted)[0] : undefined;
  } catch {
    return undefined;
  }
}

export function spoken(at, style) {
  return new Intl.DateTimeFormat(locale(), STYLES[style] || STYLES.moment).format(at);
}

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime][data-style]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.textContent = spoken(at, element.dataset.style);
  }
}
