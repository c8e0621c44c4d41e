"use strict";

for (const button of document.querySelectorAll("[data-copies]")) {
    const field = document.getElementById(button.dataset.copies);
    const status = document.getElementById(button.dataset.says);
    button.hidden = false;
    button.addEventListener("click", async () => {
        field.select();
        try {
            // Not there where the page came over plain HTTP.
            await navigator.clipboard.writeText(field.value);
            status.textContent = button.dataset.done;
        } catch {
            status.textContent = button.dataset.failed;
        }
    });
}
