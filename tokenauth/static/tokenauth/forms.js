"use strict";

// Sent twice in a hurry, the second answer would take the place of the first, which alone shows the token.
for (const form of document.querySelectorAll("[data-once]")) {
    let isSent = false;
    form.addEventListener("submit", (event) => {
        if (isSent) {
            event.preventDefault();
        }
        isSent = true;
    });
    // Come back to by the browser's history, it can be sent again.
    window.addEventListener("pageshow", () => {
        isSent = false;
    });
}

const day = document.getElementById("id_expires_on");
if (day) {
    const lengths = document.querySelectorAll("[name=expires]");
    day.addEventListener("input", () => {
        for (const length of lengths) {
            if (day.value) {
                length.checked = length.value === "date";
            }
        }
    });
    for (const length of lengths) {
        length.addEventListener("change", () => {
            if (length.checked && length.value !== "date") {
                day.value = "";
            }
        });
    }
}
