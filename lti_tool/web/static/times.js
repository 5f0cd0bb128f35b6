// Times are sent in UTC; here they are shown as the page's locale has them, in the course's zone or else the browser's.
const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  weekday: { weekday: "long" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

const { locale: wanted, zone } = document.documentElement.dataset;
// A language without a country is written as the browser's own country writes it, if that speaks the language.
const locale = wanted?.includes("-") ? wanted : navigator.languages.find((tag) => tag.split("-")[0] === wanted) || wanted;

export function spoken(at, style) {
  const options = { ...(STYLES[style] || STYLES.moment), timeZone: zone };
  return new Intl.DateTimeFormat(locale || undefined, options).format(at);
}

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime][data-style]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.textContent = spoken(at, element.dataset.style);
  }
}
