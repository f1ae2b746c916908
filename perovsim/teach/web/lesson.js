"use strict";
// A lesson without Python: every setting was computed before; the controls choose which one is shown.
(async () => {
  const packed = JSON.parse(document.getElementById("data").textContent);
  const bytes = Uint8Array.from(atob(packed.views), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const views = JSON.parse(await new Response(stream).text());
  const inputs = [...document.querySelectorAll("[data-control]")];

  const place = (input) => (input.type === "checkbox" ? Number(input.checked) : Number(input.value));

  const cell = (kind, name, text) => {
    const made = document.createElement(kind);
    made.className = name;
    made.textContent = text;
    return made;
  };

  const show = () => {
    let number = 0;
    inputs.forEach((input, k) => {
      number = number * packed.words[k].length + place(input);
      const words = packed.words[k][place(input)];
      document.querySelector(`[data-words="${k}"]`).textContent = words;
      input.setAttribute("aria-valuetext", words);
    });
    const view = views[number];
    document.getElementById("figure").innerHTML = view.figure;
    document.getElementById("sentence").textContent = view.sentence;
    const rows = view.readings.map((reading) => {
      const row = document.createElement("tr");
      const name = cell("th", "", reading.name);
      name.scope = "row";
      const value = cell("td", "number", reading.text);
      value.id = reading.key;
      value.dataset.value = reading.value;
      row.append(name, value, cell("td", "note", reading.note));
      return row;
    });
    document.getElementById("readings").replaceChildren(...rows);
  };

  const answer = (event) => {
    const option = packed.answers[Number(event.target.value)];
    const box = document.getElementById("feedback");
    box.textContent = option.feedback;
    box.className = `feedback ${option.right ? "right" : "wrong"}`;
  };

  inputs.forEach((input) => input.addEventListener("input", show));
  document.querySelectorAll('[name="answer"]').forEach((input) => input.addEventListener("change", answer));
  show();
})();
