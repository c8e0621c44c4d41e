"use strict";

for (const button of document.querySelectorAll("[data-copies]")) {
    const field = document.getElementById(button.dataset.copies);
    const status = document.getElementById(button.dataset.says);
    button.hidden = false;
    button.addEventListener("click", async () => {
        field.select();
        // Emptied first: what is said a second time is read out again.
        status.textContent = "";
        let isCopied;
        try {
            // Not there where the page came over plain HTTP.
            await navigator.clipboard.writeText(field.value);
            isCopied = true;
        } catch {
            isCopied = document.execCommand("copy");
        }
        status.textContent = isCopied ? button.dataset.done : button.dataset.failed;
    });
}
