"use strict";
document.getElementById("self-post").submit();
