// A button to copy each block of code, its lines as blocks that keep their indentation where they are wrapped, and the
// name of its column for each cell, which a phone shows (pages.css).

function copyable(block) {
  const text = block.textContent.replace(/\n+$/, "");
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

// The lines of highlighted code: spans that go on over the end of a line are closed there, and opened again.
function linesOf(html) {
  const open = [];
  return html.replace(/\n$/, "").split("\n").map((line) => {
    const before = open.join("");
    for (const tag of line.match(/<span[^>]*>|<\/span>/g) || []) tag[1] === "/" ? open.pop() : open.push(tag);
    return before + line + "</span>".repeat(open.length);
  });
}

function wrapLines(pre) {
  pre.innerHTML = linesOf(pre.innerHTML)
    .map((line) => {
      const indent = line.replace(/<[^>]*>/g, "").match(/^ */)[0].length;
      return `<span class="line" style="--indent: ${indent}">${line}\n</span>`;
    })
    .join("");
}

// Text keeps its shape where that says something: a drawing, or columns that fit beside a list of contents.
function isDrawn(text) {
  const lines = text.split("\n");
  const columns = lines.filter((line) => /\S {2,}\S/.test(line)).length > 1 && lines.every((line) => line.length <= 88);
  return columns || /[\u2500-\u25ff\u2800-\u28ff]/.test(text);
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
  document.querySelectorAll("div.highlight pre").forEach((pre) => {
    if (pre.closest(".highlight-text, .highlight-console") && isDrawn(pre.textContent)) pre.classList.add("drawn");
    else wrapLines(pre);
  });
  document.querySelectorAll("table.docutils").forEach(nameColumns);
});
