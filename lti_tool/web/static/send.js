// The answer to the course goes out by itself; without this the button does the same.
document.getElementById("answer").requestSubmit();
