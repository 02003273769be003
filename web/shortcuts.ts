import { find } from './element.ts';

const SETTING = 'sora-shortcuts';

/** Runs actions on single letters, unless something is being typed or they are switched off, which assistive tools may need. */
export function addShortcuts(actions: Readonly<Record<string, () => void>>): void {
  const help = find('keys-help', HTMLDialogElement);
  const isOn = find('keys-on', HTMLInputElement);
  isOn.checked = localStorage.getItem(SETTING) !== 'off';
  isOn.addEventListener('change', () => localStorage.setItem(SETTING, isOn.checked ? 'on' : 'off'));
  find('keys', HTMLElement).addEventListener('click', () => help.showModal());
  const all: Readonly<Record<string, () => void>> = { ...actions, '?': () => help.showModal() };
  document.addEventListener('keydown', (event) => {
    const action = all[event.key];
    if (action === undefined || !isOn.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector('dialog[open]') !== null || isTyping(event.target)) return;
    event.preventDefault();
    action();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, video');
}
