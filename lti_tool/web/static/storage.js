// Keeping a value in the frame that the platform named (lti_storage_target), and asking for it back.
// https://www.imsglobal.org/spec/lti-pm-s/v0p1 and https://www.imsglobal.org/spec/lti-cs-pm/v0p1
const ABLE = 300;
const KEPT = 700;
const AGAIN = 150;

const owner = () => (window.parent === window ? window.opener : window.parent);

function frameOf(target) {
  if (target === "_parent") return owner();
  try {
    return owner().frames[target] || null;
  } catch {
    return null; // no frame of that name, or nobody around us
  }
}

// The answer to one message: from the window that was asked, on the origin that was asked, in time; else undefined.
function ask(frame, origin, message, wait) {
  if (!frame) return Promise.resolve(undefined);
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return new Promise((done) => {
    const finish = (answer) => {
      clearTimeout(timer);
      clearInterval(again);
      window.removeEventListener("message", heard);
      done(answer);
    };
    const heard = (event) => {
      if (event.source !== frame || (origin !== "*" && event.origin !== origin)) return;
      const answer = event.data;
      if (!answer || answer.subject !== `${message.subject}.response` || answer.message_id !== id) return;
      finish(answer);
    };
    const send = () => frame.postMessage({ ...message, message_id: id }, origin);
    const timer = setTimeout(() => finish(undefined), wait);
    const again = setInterval(send, AGAIN); // the frame may still be loading; asked twice is done once
    window.addEventListener("message", heard);
    send();
  });
}

// What the platform says that it can do is no secret and opens nothing, so its page may be anywhere.
async function isUnable(subject) {
  const answer = await ask(owner(), "*", { subject: "lti.capabilities" }, ABLE);
  const listed = answer?.supported_messages;
  return Array.isArray(listed) && !listed.some((one) => one?.subject === subject);
}

// A platform that does not say what it can do is asked all the same; one that says it cannot is not waited for.
async function told(place, message) {
  const answer = ask(frameOf(place.target), place.origin, message, KEPT);
  const unable = isUnable(message.subject).then((no) => (no ? undefined : answer));
  const said = await Promise.race([answer, unable]);
  return said?.error || said?.key !== place.key ? undefined : said.value;
}

export const remember = (place, value) => told(place, { subject: "lti.put_data", key: place.key, value });
export const recall = (place) => told(place, { subject: "lti.get_data", key: place.key });
