'use strict';
{
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];

  // Opened from a disk, the commands name the folder that the page lies in, where nothing in its path means anything to a shell.
  const here = location.pathname.replace(/(?:\/[^/]*){2}$/, '');
  if (location.protocol === 'file:' && location.host === '' && /^[\w./:~+-]+$/.test(here)) {
    for (const code of all('code[data-place]')) {
      code.textContent = code.textContent.split(code.dataset.place).join(here);
    }
  }

  for (const pre of all('pre')) {
    const block = document.createElement('div');
    const button = document.createElement('button');
    block.className = 'block';
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-live', 'polite');
    pre.replaceWith(block);
    block.append(pre, button);
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch {
        // Pages that came without TLS have no clipboard.
        getSelection().selectAllChildren(pre);
        document.execCommand('copy');
      }
      button.textContent = 'Copied';
      setTimeout(() => (button.textContent = 'Copy'), 1500);
    };
  }

  const form = document.querySelector('form.find');
  const field = document.querySelector('#q');
  if (form) {
    const search = 'server' in form.dataset ? searchOnServer(field) : searchHere(form, field);
    field.oninput = search;
    form.onsubmit = (event) => {
      event.preventDefault();
      search();
    };
    document.onkeydown = (event) => {
      if (event.key === '/' && !event.ctrlKey && !event.metaKey && document.activeElement !== field) {
        event.preventDefault();
        field.focus();
      } else if (event.key === 'Escape' && document.activeElement === field && field.value !== '') {
        field.value = '';
        search();
      }
    };
  }

  function searchHere(form, field) {
    const count = document.querySelector('#count');
    const whole = count.textContent;
    const texts = all('#list tbody tr').map((row) => [
      row,
      [...row.cells]
        .map((cell) => cell.textContent)
        .join(' ')
        .toLowerCase(),
    ]);
    form.hidden = false;
    for (const [at, head] of all('#list th').entries()) makeSortable(head, at);
    const search = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const [row, text] of texts) {
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) found += 1;
      }
      count.textContent = words.length === 0 ? whole : `${found} of ${whole}`;
    };
    // A browser fills it in again when it goes back.
    if (field.value !== '') search();
    return search;
  }

  function searchOnServer(field) {
    let asked = 0;
    let timer;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        asked += 1;
        const mine = asked;
        const query = new URLSearchParams(field.value === '' ? {} : { q: field.value });
        const answer = await fetch(`./?${query}&part=list`);
        const text = await answer.text();
        if (mine !== asked || !answer.ok) return;
        document.querySelector('#list').outerHTML = text;
        document.querySelector('#count').textContent = document.querySelector('#list').dataset.count;
        history.replaceState(null, '', query.size === 0 ? './' : `./?${query}`);
      }, 100);
    };
  }

  function makeSortable(head, at) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.onclick = () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = head.closest('table').tBodies[0];
      const key = ({ cells }) => cells[at].dataset.n ?? cells[at].textContent;
      const order = (a, b) => key(a).localeCompare(key(b), 'en', { numeric: true });
      body.append(...[...body.rows].sort(down ? (a, b) => order(b, a) : order));
    };
  }
}
