// What happens to a submission, as it happens: a stream read by fetch, which can send the page's token, and asking every
// two seconds where no stream comes through. Reload, sleep or a lost network goes on after the last stage that was seen.
import { getJson, Refused, seal } from "./server.js";

const SILENT = 6000; // longer than the server is ever silent
const EVERY = 2000;

const pause = (time) => new Promise((done) => setTimeout(done, time));

async function* events(response, alive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

// Reads one stream to its end; false where there is none to be had.
async function streamed(url, told) {
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), SILENT);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), SILENT);
  };
  try {
    const headers = { Accept: "text/event-stream", "X-Form-Token": seal() };
    const response = await fetch(url(), { headers, signal: stop.signal, cache: "no-store" });
    if (!response.ok) throw new Refused(response.status, "");
    if (response.status === 204 || !response.body) return false;
    for await (const news of events(response, alive)) if (await told(news)) return true;
    return true;
  } catch (error) {
    if (error.status && error.status < 500) throw error;
    return false;
  } finally {
    clearTimeout(timer);
  }
}

// `told(news)` answers true once there is nothing more to wait for; `lost(times)` hears of failures in a row.
export async function follow({ streamUrl, jsonUrl, after, told, lost }) {
  let last = after;
  let ended = false;
  let misses = 0;
  let streams = true;
  const hear = async (news) => {
    misses = 0;
    last = news.last;
    ended = await told(news);
    return ended;
  };
  while (!ended) {
    streams = streams && (await streamed(() => `${streamUrl}?after=${last}`, hear));
    if (streams || ended) continue;
    try {
      await hear(await getJson(`${jsonUrl}?after=${last}`));
    } catch (error) {
      if (error.status && error.status < 500) throw error;
      misses += 1;
      lost(misses);
    }
    if (!ended) await pause(EVERY * Math.min(1 + misses, 4));
  }
}
