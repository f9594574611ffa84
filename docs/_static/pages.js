// A button to copy each block of code, and the name of its column for each cell, which a phone shows (pages.css).

function copyable(block) {
  const text = block.innerText.replace(/\n+$/, "");
  const commands = text.split("\n").filter((line) => line.startsWith("$ ")); // of a session only what is typed
  return commands.length ? commands.map((line) => line.slice(2)).join("\n") : text;
}

async function put(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // a page read from the disk has no clipboard
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function addButton(block) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    await put(copyable(block.querySelector("pre")));
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

function nameColumns(table) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.innerText.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.children].forEach((cell, number) => {
      if (names[number]) cell.setAttribute("data-column", names[number]);
      cell.classList.toggle("empty", !cell.textContent.trim() && !cell.querySelector("img"));
    });
  }
}

document.addEventListener("DOMContentLoaded", () => {
  // What is marked as text is output or a drawing: nobody pastes it.
  document.querySelectorAll("div[class*=highlight-]:not(.highlight-text) > div.highlight").forEach(addButton);
  document.querySelectorAll("table.docutils").forEach(nameColumns);
});
