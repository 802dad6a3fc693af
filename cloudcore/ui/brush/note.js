/* Carries a few words to a canvas of the page, so that its picture need not be sent again with them. */
export default function ({ data }) {
  (globalThis.cloudBrushNotes ??= {})[data.doc] = data;
  window.dispatchEvent(new CustomEvent("cloud-brush-note", { detail: data }));
}
