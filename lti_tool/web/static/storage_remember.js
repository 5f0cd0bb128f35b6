// A login's token is left with the platform, then the login goes on, also where nothing was kept.
import { remember } from "./storage.js";

const { target, origin, key, value } = document.getElementById("main").dataset;

remember({ target, origin, key }, value)
  .catch(() => undefined)
  .then(() => location.replace(document.getElementById("on").href));
