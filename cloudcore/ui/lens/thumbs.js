// A row of small pictures; a click opens one. The picture is the button, so a keyboard opens it too.

function made() {
  const button = document.createElement("button"), frame = document.createElement("span");
  button.type = "button";
  frame.className = "picture";
  frame.append(document.createElement("img"));
  const words = document.createElement("span");
  words.className = "words";
  button.append(frame, words);
  return button;
}

function tell(button, item, current) {
  const picture = button.querySelector("img");
  if (picture.src !== item.picture) picture.src = item.picture;
  picture.alt = item.alt;
  button.dataset.name = item.name;
  button.title = item.title;
  button.setAttribute("aria-current", item.name === current);
  button.querySelector(".words").textContent = item.caption;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const box = parentElement.querySelector(".thumbs");
  box.style.setProperty("--columns", data.columns);
  box.style.setProperty("--ratio", data.ratio);
  // Buttons stay when the page is drawn again: a click under way would be lost with its button.
  while (box.childElementCount > data.items.length) box.lastElementChild.remove();
  while (box.childElementCount < data.items.length) box.append(made());
  data.items.forEach((item, at) => {
    const button = box.children[at];
    tell(button, item, data.current);
    button.onclick = () => setTriggerValue("open", button.dataset.name);
  });
}
