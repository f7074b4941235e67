"use strict";
// Sorting, filtering and opening the list of scenes, and the sliders. Without it everything is open and in order.
document.documentElement.classList.add("scripted");

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const list = () => document.querySelector("table.scenes");
const scenes = () => [...document.querySelectorAll("tbody.scene")];

// Order of two cells' keys; what has none comes last, whichever way the column is sorted.
function compareKeys(one, other, numeric, sign) {
  if (one === "" || other === "") return (one === "") - (other === "");
  return sign * (numeric ? Number(one) - Number(other) || 0 : collator.compare(one, other));
}

function sortBy(button) {
  const head = button.closest("th");
  const numeric = button.hasAttribute("data-numeric");
  const first = numeric ? "descending" : "ascending";
  const second = numeric ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? second : first;
  for (const other of head.parentElement.children) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const column = head.cellIndex;
  const key = (scene) => scene.rows[0].cells[column].dataset.key;
  const sorted = scenes().sort((one, other) => compareKeys(key(one), key(other), numeric, sign));
  list().append(...sorted);
}

function applyFilter() {
  const words = document.getElementById("filter").value.toLocaleLowerCase().normalize("NFC").split(/\s+/).filter(Boolean);
  const flags = [...document.querySelectorAll(".toggle[aria-pressed=true]")].map((button) => button.dataset.flag);
  const all = scenes();
  let shown = 0;
  for (const scene of all) {
    const text = scene.dataset.words.toLocaleLowerCase().normalize("NFC");
    const has = scene.dataset.flags.split(" ");
    const matches = words.every((word) => text.includes(word));
    scene.hidden = !(matches && (flags.length === 0 || flags.some((flag) => has.includes(flag))));
    if (!scene.hidden) shown += 1;
  }
  const noun = all.length === 1 ? "scene" : "scenes";
  const count = shown === all.length ? `${shown} ${noun}` : `${shown} of ${all.length} ${noun}`;
  document.getElementById("count").value = count;
  document.querySelector(".none").hidden = shown > 0;
}

function setOpen(scene, open) {
  scene.classList.toggle("opened", open);
  scene.querySelector(".open").setAttribute("aria-expanded", String(open));
}

function toggle(scene) {
  setOpen(scene, !scene.classList.contains("opened"));
}

function showGroup(name) {
  for (const cell of document.querySelectorAll("[data-group]")) cell.hidden = cell.dataset.group !== name;
}

// Put the border between two pictures where the slider stands.
function moveBorder(slider) {
  const compare = slider.closest(".compare");
  compare.style.setProperty("--at", `${slider.value}%`);
  const name = compare.querySelector(".label.left").textContent;
  slider.setAttribute("aria-valuetext", `${slider.value} % ${name}`);
}

function choose(select) {
  const compare = select.closest(".compare");
  const which = select.dataset.side;
  compare.querySelectorAll(".side").forEach((side, index) => side.classList.toggle(which, index === Number(select.value)));
  compare.querySelector(`.label.${which} > span`).textContent = select.selectedOptions[0].textContent;
  moveBorder(compare.querySelector("input[type=range]"));
}

function openLinked() {
  const scene = location.hash && document.getElementById(location.hash.slice(1));
  if (!scene || !scene.matches("tbody.scene")) return;
  setOpen(scene, true);
  scene.scrollIntoView();
}

document.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row && getSelection().isCollapsed) toggle(row.closest(".scene")); // not where text was being selected
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches(".sort")) sortBy(button);
  if (!button.hasAttribute("aria-pressed")) return;
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  if (button.matches(".toggle")) applyFilter();
  if (button.id === "open-all") {
    button.textContent = pressed ? "Close all" : "Open all";
    for (const scene of scenes()) setOpen(scene, pressed && !scene.hidden);
  }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "filter") applyFilter();
  if (event.target.id === "group") showGroup(event.target.value);
  if (event.target.matches(".stack input")) moveBorder(event.target);
  if (event.target.matches("select[data-side]")) choose(event.target);
});

// The arrow keys go from scene to scene.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".open") || event.ctrlKey || event.metaKey || event.altKey) return;
  const buttons = scenes().filter((scene) => !scene.hidden).map((scene) => scene.querySelector(".open"));
  const next = buttons[buttons.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

document.addEventListener("DOMContentLoaded", () => {
  const group = document.getElementById("group");
  if (group) showGroup(group.value);
  if (document.getElementById("filter")) applyFilter(); // a browser keeps what was typed before a reload
  document.querySelectorAll(".stack input").forEach(moveBorder);
  document.querySelectorAll("select[data-side]").forEach(choose);
  openLinked();
});
window.addEventListener("hashchange", openLinked);
