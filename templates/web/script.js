// Suggestions, the time zone, a slip in the address. Nothing needs it.
"use strict";
(() => {
  const form = document.querySelector("form[data-lang]");
  if (!form) return;
  const said = form.dataset;
  const set = (element, has) => {
    for (const name in has) element.setAttribute(name, has[name]);
    return element;
  };
  const make = (tag, has, ...inside) => {
    const element = set(document.createElement(tag), has);
    element.append(...inside);
    return element;
  };

  // A combobox with a list (ARIA practices): the focus stays in the field.
  const suggest = (input) => {
    const list = make("ul", { class: "list", role: "listbox", id: input.id + "-list", "aria-label": said.suggestions });
    const several = input.dataset.suggest === "areas";
    let at = -1, asked = 0, timer = 0;
    const begin = () => (several ? input.value.search(/[^,;]*$/) : 0);
    const point = (to) => {
      const options = [...list.children], none = options.length;
      at = (to + none + 2) % (none + 1) - 1;
      options.forEach((option, i) => option.setAttribute("aria-selected", i === at));
      if (at < 0) return input.removeAttribute("aria-activedescendant");
      input.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    };
    const open = (yes) => {
      list.hidden = !yes;
      input.setAttribute("aria-expanded", yes);
      if (!yes) point(-1);
    };
    const take = (option) => {
      input.value = (input.value.slice(0, begin()).trim() + " " + option.dataset.name).trim();
      open(false);
    };
    const option = (each, i, typed) => {
      const from = each.name.toLowerCase().indexOf(typed.toLowerCase());
      const to = from + typed.length;
      const name = from < 0 ? [each.name]
        : [each.name.slice(0, from), make("mark", {}, each.name.slice(from, to)), each.name.slice(to)];
      const note = each.note.map((part, i) => (i % 2 ? make("span", { lang: "en" }, part) : part));
      const item = make("li", { role: "option", id: input.id + "-" + i, "aria-selected": false },
        make("span", { lang: each.lang || said.lang }, ...name), ...(note.length ? [make("small", {}, ...note)] : []));
      item.dataset.name = each.name;
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); asked += 1; take(item); });
      return item;
    };
    const ask = async () => {
      const typed = input.value.slice(begin()).trim();
      const mine = ++asked;
      let found = [];
      if (typed.length > 1) {
        try {
          const query = `/suggest?${new URLSearchParams({ lang: said.lang, q: typed })}`;
          const answer = await fetch(said.path + "/" + input.dataset.suggest + query);
          if (answer.ok) found = await answer.json();
        } catch { /* works without */ }
      }
      if (mine !== asked || document.activeElement !== input) return;
      list.replaceChildren(...found.map((each, i) => option(each, i, typed)));
      at = -1;
      open(found.length > 0);
    };
    open(false);
    input.closest(".field").append(list);
    set(input, { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id });
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
    input.addEventListener("blur", () => open(false));
    input.addEventListener("keydown", (event) => {
      if (list.hidden) return event.key === "ArrowDown" && ask();
      if (event.key === "ArrowDown") point(at + 1);
      else if (event.key === "ArrowUp") point(at - 1);
      else if (event.key === "Enter" && at >= 0) take(list.children[at]);
      else if (event.key === "Escape") open(false);
      else return;
      clearTimeout(timer);
      asked += 1;  // no answer moves what is pressed next
      event.preventDefault();
    });
  };
  form.querySelectorAll("[data-suggest]").forEach(suggest);

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ("guess" in said && /\//.test(zone)) {
    form.elements.timezone.value = zone;
    document.getElementById("zone").textContent = zone.split("/").pop().replaceAll("_", " ");
  }

  // A slip in the address: letters swapped, one too many, too few or wrong. Asked, never mended.
  const common = ("gmail.com googlemail.com hotmail.com outlook.com yahoo.com icloud.com aol.com gmx.de web.de t-online.de "
    + "hotmail.co.uk yahoo.co.uk orange.fr laposte.net free.fr hotmail.fr yahoo.fr hotmail.es yahoo.es gmx.net proton.me"
  ).split(" ");
  const real = "gmx.com mail.com email.com ymail.com hotmail.de outlook.fr outlook.es outlook.de yahoo.de yahoo.ca yahoo.it".split(" ");
  const slip = (a, b) => {
    let i = 0, j = 0;
    while (i < a.length && a[i] === b[i]) i++;
    while (j < Math.min(a.length, b.length) - i && a[a.length - 1 - j] === b[b.length - 1 - j]) j++;
    const [x, y] = [a.slice(i, a.length - j), b.slice(i, b.length - j)];
    return (x.length < 2 && y.length < 2) || (x.length === 2 && x === y[1] + y[0]);
  };
  const address = form.elements.address;
  const warning = make("p", { class: "tell warn after", role: "status", hidden: "" });
  address.closest(".field").append(warning);
  let pause = 0;  // told while typing: later it would move what is pressed next
  const look = () => {
    const [, local, domain] = address.value.trim().match(/^(.+)@([^@]+)$/) || [];
    const near = domain && ![...common, ...real].includes(domain.toLowerCase())
      && common.find((each) => slip(domain.toLowerCase(), each));
    warning.hidden = !near;
    if (!near) return;
    const button = make("button", { class: "textbtn", type: "button" }, `${local}@${near}`);
    button.addEventListener("click", () => { address.value = button.textContent; warning.hidden = true; address.focus(); });
    const [before, after] = said.mean.split("§");
    warning.replaceChildren(before, button, after);
  };
  address.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(look, 500); });
})();
