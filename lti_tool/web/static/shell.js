// What every page does: times in the reader's zone, a warning before its session ends, and its part in a frame.
import { standInFrame } from "./frame.js";
import { watchSession } from "./session.js";
import { localise } from "./times.js";

localise(document);
watchSession(document.getElementById("session-ends"));
standInFrame();
